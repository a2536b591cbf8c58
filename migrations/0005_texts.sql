-- The text for SEARCH and the BODYSTRUCTURE are made of a message's octets and
-- its part tree when they are asked for: kept beside it they took a fifth of
-- all that is stored. What the runs of base64 in a chunk stand for, which is
-- what is attached, stands apart from its text, so that one is read without the
-- other. Chunks from before have both in data.
DROP TABLE texts;
ALTER TABLE meta DROP COLUMN structure;
ALTER TABLE chunks ADD COLUMN attached BLOB;
