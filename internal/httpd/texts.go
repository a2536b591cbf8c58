package httpd

import "posthorn/internal/clientconf"

// texts are all words of the settings page in one language, by key. Steps are
// one a line; {address}, {kind}, {in}, {inport}, {insec} and the same for out
// stand for the settings.
type texts map[string]string

// catalogue is the page's words in "en" or "vi". Both have the same keys.
func catalogue(lang string) texts {
	if lang == "vi" {
		return vietnamese()
	}
	return english()
}

// Row says what a service is for.
func (t texts) Row(protocol string) string { return t["for."+protocol] }

// Security is a clientconf.Security in the page's language.
func (t texts) Security(s string) string {
	if s == string(clientconf.None) {
		return t["none"]
	}
	return s
}

func english() texts {
	return texts{
		"title": "Set up your mail program", "lead": "Enter your e-mail address to see what your mail program needs to know. Most programs find it by themselves, from the address alone.",
		"address": "E-mail address", "show": "Show settings", "language": "Language",
		"error": "That is no e-mail address.", "foreign": "Mail for this domain is not kept here.",
		"settings": "Settings for", "for": "For", "server": "Server", "port": "Port", "security": "Security", "user": "User name",
		"for.imap": "Reading (IMAP)", "for.pop3": "Reading on one device only (POP3)", "for.smtp": "Sending (SMTP)", "none": "none",
		"copy": "Copy", "copied": "Copied", "password": "Password",
		"passwordnote": "The password is your account's or, better, an app password of its own for each program. Where a program asks for the kind of authentication, choose “normal password”.",
		"first":        "Of two rows for the same thing the first is better.",
		"qr":           "On a phone", "qrnote": "Point the phone's camera at this code: it leads to this page.", "qralt": "QR code that leads to this page",
		"apple": "iPhone, iPad and Mac", "applenote": "A profile sets Apple's Mail up. After the download, open Settings and choose “Profile Downloaded”.",
		"download": "Download the profile (it asks for the password)", "applemake": "Or have a profile made with an app password of its own, so that nothing has to be typed on the device. For that, give your account's password here:",
		"make": "Make and download", "protocol": "Protocol", "applesecure": "A profile with a password in it is made over HTTPS only:", "applesecurelink": "this page over HTTPS",
		"steps": "Step by step", "n.outlook": "Outlook (classic)", "n.newoutlook": "Outlook (new)", "picture": "Drawing of a dialog",
		"f.address": "E-mail address", "f.password": "Password", "f.server": "Server", "f.port": "Port", "f.security": "Connection security", "f.user": "User name",
		"p.account": "Your account", "p.incoming": "Incoming server", "p.outgoing": "Outgoing server", "b.next": "Next", "b.continue": "Continue", "b.done": "Done",
		"file": "Lines for the configuration",
		"steps.thunderbird": `Open the menu, choose “New Account”, then “Email”.
Enter your name and {address}, and press “Continue”: Thunderbird finds the settings, and asks for the password.
If it does not find them, enter what the drawings show (some versions have “Configure manually” for that), and press “Test”.`,
		"steps.outlook": `Choose “File”, then “Add Account”.
Enter {address}, open “Advanced options”, tick “Let me set up my account manually”, and press “Connect”.
Choose “{kind}”.
Enter the servers as the drawings show. For encryption choose “SSL/TLS” or “STARTTLS” as it stands there.
Press “Next” and enter the password.`,
		"steps.newoutlook": `Open “Settings”, “Accounts”, “Add account”.
Enter {address} and press “Continue”. If Outlook asks for the provider, choose “{kind}”.
Enter the password, open “Show more”, and enter the servers as the drawings show.
Outlook fetches this mail by way of Microsoft's servers, and says so: agree, or use another program.`,
		"steps.ios": `The easiest way is the profile above.
By hand: open “Settings”, “Apps”, “Mail”, “Mail Accounts”, “Add Account”, “Other”, “Add Mail Account”.
Enter your name, {address} and the password, and press “Next”.
Choose “{kind}” and enter the servers as the drawings show, user name and password for the outgoing server too.`,
		"steps.android": `Thunderbird for Android and K-9 Mail: enter {address} and the password; the settings are found.
Gmail: open “Settings”, “Add account”, “Other”, and enter {address}.
Choose “Personal ({kind})” and enter the password.
Enter the servers as the drawings show.`,
		"steps.mutt": `Put these lines into ~/.muttrc, or into ~/.config/neomutt/neomuttrc.
Start it: it asks for the password. If it asks about the certificate, compare it with your operator's before you accept it.`,
	}
}

func vietnamese() texts {
	return texts{
		"title": "Cài đặt phần mềm thư", "lead": "Nhập địa chỉ thư điện tử để xem các thông số mà phần mềm thư cần. Phần lớn phần mềm tự tìm được chúng, chỉ cần biết địa chỉ.",
		"address": "Địa chỉ thư điện tử", "show": "Xem cài đặt", "language": "Ngôn ngữ",
		"error": "Đó không phải là địa chỉ thư điện tử.", "foreign": "Máy chủ này không giữ thư của tên miền đó.",
		"settings": "Cài đặt cho", "for": "Mục đích", "server": "Máy chủ", "port": "Cổng", "security": "Bảo mật", "user": "Tên người dùng",
		"for.imap": "Đọc thư (IMAP)", "for.pop3": "Đọc thư trên một thiết bị duy nhất (POP3)", "for.smtp": "Gửi thư (SMTP)", "none": "không có",
		"copy": "Sao chép", "copied": "Đã sao chép", "password": "Mật khẩu",
		"passwordnote": "Mật khẩu là mật khẩu của tài khoản hoặc, tốt hơn, một mật khẩu ứng dụng riêng cho mỗi phần mềm. Nếu phần mềm hỏi cách xác thực, hãy chọn “mật khẩu thường”.",
		"first":        "Nếu có hai dòng cho cùng một việc thì dòng đầu tốt hơn.",
		"qr":           "Trên điện thoại", "qrnote": "Hướng máy ảnh của điện thoại vào mã này: nó dẫn đến trang này.", "qralt": "Mã QR dẫn đến trang này",
		"apple": "iPhone, iPad và Mac", "applenote": "Một hồ sơ sẽ cài đặt ứng dụng Mail của Apple. Sau khi tải về, mở Cài đặt và chọn “Đã tải về hồ sơ”.",
		"download": "Tải hồ sơ (thiết bị sẽ hỏi mật khẩu)", "applemake": "Hoặc để máy chủ tạo một hồ sơ có mật khẩu ứng dụng riêng, để không phải gõ gì trên thiết bị. Muốn vậy, hãy nhập mật khẩu của tài khoản tại đây:",
		"make": "Tạo và tải về", "protocol": "Giao thức", "applesecure": "Hồ sơ có mật khẩu chỉ được tạo qua HTTPS:", "applesecurelink": "trang này qua HTTPS",
		"steps": "Từng bước", "n.outlook": "Outlook (bản cổ điển)", "n.newoutlook": "Outlook (bản mới)", "picture": "Hình vẽ một hộp thoại",
		"f.address": "Địa chỉ thư", "f.password": "Mật khẩu", "f.server": "Máy chủ", "f.port": "Cổng", "f.security": "Bảo mật kết nối", "f.user": "Tên người dùng",
		"p.account": "Tài khoản", "p.incoming": "Máy chủ thư đến", "p.outgoing": "Máy chủ thư đi", "b.next": "Tiếp", "b.continue": "Tiếp tục", "b.done": "Xong",
		"file": "Các dòng cấu hình",
		"steps.thunderbird": `Mở trình đơn, chọn “Tài khoản mới”, rồi “Email”.
Nhập tên và {address}, bấm “Tiếp tục”: Thunderbird tự tìm ra cài đặt, rồi hỏi mật khẩu.
Nếu không tìm ra, hãy nhập như trong hình (có phiên bản phải chọn “Cấu hình thủ công” trước), rồi bấm “Kiểm tra”.`,
		"steps.outlook": `Chọn “Tệp”, rồi “Thêm tài khoản”.
Nhập {address}, mở “Tùy chọn nâng cao”, đánh dấu “Cho phép tôi thiết lập tài khoản theo cách thủ công”, bấm “Kết nối”.
Chọn “{kind}”.
Nhập các máy chủ như trong hình. Ở mục mã hóa, chọn “SSL/TLS” hoặc “STARTTLS” như đã ghi.
Bấm “Tiếp theo” và nhập mật khẩu.`,
		"steps.newoutlook": `Mở “Cài đặt”, “Tài khoản”, “Thêm tài khoản”.
Nhập {address} và bấm “Tiếp tục”. Nếu Outlook hỏi nhà cung cấp, chọn “{kind}”.
Nhập mật khẩu, mở “Hiển thị thêm”, rồi nhập các máy chủ như trong hình.
Outlook lấy thư này qua máy chủ của Microsoft, và có nói rõ: hãy đồng ý, hoặc dùng phần mềm khác.`,
		"steps.ios": `Cách dễ nhất là hồ sơ ở trên.
Làm bằng tay: mở “Cài đặt”, “Ứng dụng”, “Mail”, “Tài khoản Mail”, “Thêm tài khoản”, “Khác”, “Thêm tài khoản Mail”.
Nhập tên, {address} và mật khẩu, rồi bấm “Tiếp”.
Chọn “{kind}” và nhập các máy chủ như trong hình; máy chủ thư đi cũng cần tên người dùng và mật khẩu.`,
		"steps.android": `Thunderbird cho Android và K-9 Mail: nhập {address} và mật khẩu; cài đặt được tự tìm ra.
Gmail: mở “Cài đặt”, “Thêm tài khoản”, “Khác”, và nhập {address}.
Chọn “Cá nhân ({kind})” và nhập mật khẩu.
Nhập các máy chủ như trong hình.`,
		"steps.mutt": `Chép các dòng này vào ~/.muttrc, hoặc ~/.config/neomutt/neomuttrc.
Khởi động mutt: nó sẽ hỏi mật khẩu. Nếu nó hỏi về chứng chỉ, hãy đối chiếu với người quản trị trước khi chấp nhận.`,
	}
}
