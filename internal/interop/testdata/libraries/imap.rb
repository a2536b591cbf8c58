# Ruby's net-imap, net-smtp and net-pop: what people write with them.
require 'net/imap'
require 'net/smtp'
require 'net/pop'
imaps, submissions, pop3s, user, password, ca = ARGV

imap = Net::IMAP.new('localhost', port: imaps.to_i, ssl: { ca_file: ca })
imap.authenticate('PLAIN', user, password)
imap.select('INBOX')
uids = %w[one two three].to_h do |subject|
  [subject, imap.uid_search(['SUBJECT', subject, 'TEXT', "text of #{subject}"], 'UTF-8').fetch(0)]
end
raise 'sorted' unless imap.uid_sort(['REVERSE', 'SUBJECT'], ['ALL'], 'UTF-8') == uids.values_at('two', 'three', 'one')
raise 'threads' unless imap.uid_thread('REFERENCES', ['ALL'], 'UTF-8').size == 3
imap.uid_fetch(uids.values, %w[UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE BODY.PEEK[]]).each do |m|
  raise 'content' unless m.attr['BODY[]'].include?("Subject: #{m.attr['ENVELOPE'].subject}\r\n")
  raise 'structure' unless m.attr['BODYSTRUCTURE'].media_type == 'TEXT'
end
imap.uid_store(uids['one'], '+FLAGS', [:Flagged, '$Work'])
imap.uid_move(uids['two'], 'Archive')
imap.uid_store(uids['three'], '+FLAGS', [:Deleted])
imap.expunge
imap.append('Sent', "Subject: sent\r\n\r\nKept.\r\n", [:Seen], Time.now)

smtp = Net::SMTP.new('localhost', submissions.to_i)
smtp.enable_tls(OpenSSL::SSL::SSLContext.new.tap { |c| c.ca_file = ca; c.verify_mode = OpenSSL::SSL::VERIFY_PEER })
sender = Thread.new do
  smtp.start('client.example', user, password, :plain) do |s|
    s.send_message("From: #{user}\nTo: #{user}\nSubject: four\n\nHello.\n.dots\n", user, user)
  end
end
imap.idle(60) { |r| imap.idle_done if r.respond_to?(:name) && r.name == 'EXISTS' }
sender.join
imap.logout

Net::POP3.enable_ssl(OpenSSL::SSL::VERIFY_PEER, ca)
Net::POP3.start('localhost', pop3s.to_i, user, password) do |pop|
  raise 'pop' unless pop.mails.map(&:pop).grep(/^\.dots\r$/).size == 1
end
