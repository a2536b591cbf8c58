# Perl's Mail::IMAPClient, Net::SMTP and Net::POP3: what people write with them.
use strict;
use warnings;
use Mail::IMAPClient;
use Net::POP3;
use Net::SMTP;
my ($imaps, $submissions, $pop3s, $user, $password, $ca) = @ARGV;

my $imap = Mail::IMAPClient->new(Server => 'localhost', Port => $imaps, User => $user, Password => $password,
	Ssl => [SSL_ca_file => $ca], Uid => 1) or die "login: $@";
sub done { $_[1] or die "$_[0]: " . ($imap->LastError // '') }
done('select', $imap->select('INBOX'));
my %uid;
for my $subject (qw(one two three)) {
	($uid{$subject}) = $imap->search(qq(SUBJECT $subject BODY "text of $subject"));
	done('search', $uid{$subject});
	done('envelope', $imap->get_envelope($uid{$subject})->subject eq $subject);
	done('structure', $imap->get_bodystructure($uid{$subject})->bodytype eq 'TEXT');
	done('content', $imap->message_string($uid{$subject}) =~ /^Subject: $subject\r$/m);
}
done('thread', @{ $imap->thread('REFERENCES') } == 3);
done('flag', $imap->set_flag('Flagged', $uid{one}));
done('keyword', $imap->set_flag('$Work', $uid{one}));
done('move', $imap->move('Archive', $uid{two}));
done('delete', $imap->delete_message($uid{three}));
done('expunge', $imap->expunge);
done('append', $imap->append_string('Sent', "Subject: sent\r\n\r\nKept.\r\n", '\Seen'));

my $idle = $imap->idle or die 'idle';
my $smtp = Net::SMTP->new('localhost', Port => $submissions, SSL => 1, SSL_ca_file => $ca, Hello => 'client.example') or die "smtp: $@";
$smtp->auth($user, $password) or die 'auth: ' . $smtp->message;
$smtp->mail($user) && $smtp->to($user) && $smtp->data("From: $user\nTo: $user\nSubject: four\n\nHello.\n.dots\n") or die $smtp->message;
$smtp->quit;
my $news = $imap->idle_data(60);
done('idle', grep { /EXISTS/ } @$news);
done('done', $imap->done($idle));
$imap->logout;

my $pop = Net::POP3->new('localhost', Port => $pop3s, SSL => 1, SSL_ca_file => $ca) or die "pop: $@";
$pop->login($user, $password) or die 'pop login';
grep { join('', @{ $pop->get($_) }) =~ /^\.dots\r?$/m } keys %{ $pop->list } or die 'pop';
$pop->quit;
