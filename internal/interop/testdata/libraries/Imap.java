import jakarta.mail.*;
import jakarta.mail.internet.*;
import jakarta.mail.search.*;
import com.sun.mail.imap.*;
import java.util.*;

/** Jakarta Mail: what people write with it. */
public class Imap {
	public static void main(String[] args) throws Exception {
		int imaps = Integer.parseInt(args[0]), submissions = Integer.parseInt(args[1]), pop3s = Integer.parseInt(args[2]);
		String user = args[3], password = args[4];
		Properties settings = new Properties();
		for (String protocol : List.of("imaps", "smtps", "pop3s"))
			settings.put("mail." + protocol + ".ssl.trust", "localhost"); // a CA would have to be in a store of Java's
		settings.put("mail.smtps.auth", "true");
		Session session = Session.getInstance(settings);

		Store store = session.getStore("imaps");
		store.connect("localhost", imaps, user, password);
		IMAPFolder inbox = (IMAPFolder) store.getFolder("INBOX");
		inbox.open(Folder.READ_WRITE);
		FetchProfile profile = new FetchProfile();
		profile.add(FetchProfile.Item.ENVELOPE);
		profile.add(FetchProfile.Item.CONTENT_INFO);
		profile.add(FetchProfile.Item.FLAGS);
		profile.add(UIDFolder.FetchProfileItem.UID);
		inbox.fetch(inbox.getMessages(), profile);
		Map<String, Message> by = new HashMap<>();
		for (String subject : List.of("one", "two", "three")) {
			Message[] found = inbox.search(new AndTerm(new SubjectTerm(subject), new BodyTerm("text of " + subject)));
			check("search", found.length == 1 && found[0].getContent().toString().contains("text of " + subject));
			by.put(subject, found[0]);
		}
		// It sends this in Latin-1, and searches by itself when the server says NO.
		check("search by itself", inbox.search(new SubjectTerm("\u00fc")).length == 0);
		by.get("one").setFlag(Flags.Flag.FLAGGED, true);
		by.get("one").setFlags(new Flags("$Work"), true);
		inbox.moveMessages(new Message[] {by.get("two")}, store.getFolder("Archive"));
		by.get("three").setFlag(Flags.Flag.DELETED, true);
		inbox.expunge();
		((IMAPFolder) store.getFolder("Sent")).appendUIDMessages(new Message[] {message(session, user, "sent")});

		Thread sender = new Thread(() -> {
			try (Transport transport = session.getTransport("smtps")) {
				transport.connect("localhost", submissions, user, password);
				Message four = message(session, user, "four");
				transport.sendMessage(four, four.getAllRecipients());
			} catch (Exception e) {
				throw new RuntimeException(e);
			}
		});
		sender.start();
		while (inbox.getMessageCount() < 2)
			inbox.idle(true);
		sender.join();
		inbox.close(true);
		store.close();

		Store pop = session.getStore("pop3s");
		pop.connect("localhost", pop3s, user, password);
		Folder drop = pop.getFolder("INBOX");
		drop.open(Folder.READ_ONLY);
		int dots = 0;
		for (Message m : drop.getMessages())
			if (m.getContent().toString().contains("\n.dots"))
				dots++;
		check("pop", dots == 1);
		drop.close(false);
		pop.close();
	}

	static Message message(Session session, String user, String subject) throws MessagingException {
		MimeMessage m = new MimeMessage(session);
		m.setFrom(user);
		m.setRecipients(Message.RecipientType.TO, user);
		m.setSubject(subject);
		m.setText("Hello.\r\n.dots\r\n");
		m.saveChanges();
		return m;
	}

	static void check(String what, boolean right) {
		if (!right)
			throw new AssertionError(what);
	}
}
