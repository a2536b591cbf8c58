//go:build attack

package attack

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// asking are the ways of learning who there is that guess no password, or on
// ports of their own.
func asking() []way {
	list := []way{
		repeated,
		{"smtp", "VRFY", func(c *client, user, _ string) (string, error) { return c.last("VRFY "+user, "submission") }},
		{"smtp", "EXPN", func(c *client, user, _ string) (string, error) { return c.last("EXPN "+user, "submission") }},
		{"smtp", "MAIL", func(c *client, user, _ string) (string, error) {
			return anonymous(user)(c.last("MAIL FROM:<"+user+">", "submission"))
		}},
		profile,
		{"http", "Autodiscover", func(c *client, user, _ string) (string, error) {
			return c.request("POST /autodiscover/autodiscover.xml", "Content-Type: text/xml\r\n", `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>`+user+
				`</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`)
		}},
	}
	for _, page := range []string{"/setup?emailaddress=", "/setup/mail.mobileconfig?emailaddress=", "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=", "/mail/config-v1.1.xml?emailaddress="} {
		list = append(list, way{"http", page, func(c *client, user, _ string) (string, error) {
			return c.request("GET "+page+url.QueryEscape(user), "", "")
		}})
	}
	for service, command := range map[string]string{"imaps": "a AUTHENTICATE ", "pop3s": "AUTH ", "submissions": "AUTH "} {
		list = append(list, way{service, "SCRAM-PLUS", func(c *client, user, _ string) (string, error) { return c.guessScramPlus(service, command, user) }})
	}
	return list
}

// anonymous leaves a name out of an answer that has it.
func anonymous(user string) func(answer string, err error) (string, error) {
	return func(answer string, err error) (string, error) { return strings.ReplaceAll(answer, user, "X"), err }
}

// request sends a request, and returns the status of its answer, and of a refusal
// what it says.
func (c *client) request(what, fields, body string) (string, error) {
	status, err := c.last(fmt.Sprintf("%s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s", what, fields, len(body), body), "http")
	if err != nil {
		return status, err
	}
	if strings.HasSuffix(status, " 404 Not Found") {
		return status, errors.New("there is no such page")
	}
	if strings.HasSuffix(status, " 200 OK") {
		return status, nil
	}
	length := 0
	for line := "-"; line != "" && err == nil; {
		line, err = c.line()
		fmt.Sscanf(line, "Content-Length: %d", &length)
	}
	text := make([]byte, length)
	if err == nil {
		_, err = io.ReadFull(c.r, text)
	}
	return status + ": " + string(text), err
}

// guessScramPlus is guessScram bound to the connection (RFC 9266).
func (c *client) guessScramPlus(service, command, user string) (answer string, err error) {
	const header = "p=tls-exporter,,"
	answer, err = c.sasl(service, command+"SCRAM-SHA-256-PLUS", "", header+"n="+user+",r=abc")
	if err != nil || !isChallenge(answer) {
		return answer, err
	}
	over := c.Conn.(*tls.Conn).ConnectionState()
	binding, err := over.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	if err != nil {
		return "", err
	}
	nonce, _, _ := strings.Cut(challenge(answer), ",")
	proof := make([]byte, 32)
	rand.Read(proof)
	encode := base64.StdEncoding.EncodeToString
	response := "c=" + encode(append([]byte(header), binding...)) + "," + nonce + ",p=" + encode(proof)
	return c.last(encode([]byte(response)), service)
}
