#!/usr/bin/env python3
"""Writes zlib.txt: what zlib makes of a dialog, at each level, with each strategy and each kind of flush.

A line begins with what it is; each "*" line that follows is a flush: how many times which of the texts was said, and what was sent for it.
"""
import base64, random, zlib

random.seed(4978)
noise = bytes(random.randrange(256) for _ in range(700))
texts = [b"a1 NOOP\r\n", b"a2 UID FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE)\r\n", b"", b"x", noise, b"DONE\r\n",
         b"From: A <a@example.org>\r\nTo: B <b@example.org>\r\nSubject: again and again\r\n\r\n"]
said = [(1, 0), (1, 1), (1, 3), (1, 0), (1, 4), (1, 0), (40, 1), (1, 5), (450, 6), (1, 2), (1, 0), (3, 4), (2, 0)]

flushes = {"partial": zlib.Z_PARTIAL_FLUSH, "sync": zlib.Z_SYNC_FLUSH, "full": zlib.Z_FULL_FLUSH}
strategies = {"default": zlib.Z_DEFAULT_STRATEGY, "filtered": zlib.Z_FILTERED, "huffman": zlib.Z_HUFFMAN_ONLY, "rle": zlib.Z_RLE, "fixed": zlib.Z_FIXED}

with open("zlib.txt", "w") as out:
    for i, t in enumerate(texts):
        print("text", i, base64.b64encode(t).decode(), file=out)
    for flush, how in flushes.items():
        for strategy, s in strategies.items():
            for level in (0, 1, 6, 9) if strategy == "default" else (6,):
                for window in (-9, -15) if level == 6 else (-15,):
                    c = zlib.compressobj(level, zlib.DEFLATED, window, 8, s)
                    print("stream", flush, strategy, level, window, file=out)
                    for times, which in said:
                        if times > 100 and (strategy in ("huffman", "fixed") or level == 0):
                            times = 3
                        octets = c.compress(times * texts[which]) + c.flush(how)
                        print("*", times, which, base64.b64encode(octets).decode(), file=out)
                    print("end", base64.b64encode(c.flush(zlib.Z_FINISH)).decode(), file=out)
