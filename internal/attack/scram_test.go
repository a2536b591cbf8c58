//go:build attack

package attack

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	xdg "github.com/xdg-go/scram"
)

// scram logs in by SCRAM-SHA-256. The answer is the last one.
func (c *client) scram(service, command, user, authzid, password string) (answer string, err error) {
	x, err := xdg.SHA256.NewClientUnprepped(user, password, authzid)
	if err != nil {
		return "", err
	}
	conversation := x.NewConversation()
	first, err := conversation.Step("")
	if err != nil {
		return "", err
	}
	answer, err = c.sasl(service, command+"SCRAM-SHA-256", "", first)
	for err == nil && isChallenge(answer) {
		var response string
		if response, err = conversation.Step(challenge(answer)); err == nil {
			answer, err = c.last(base64.StdEncoding.EncodeToString([]byte(response)), service)
		}
	}
	return answer, err
}

// guessScram sends a proof that nobody computed, which costs the client nothing.
func (c *client) guessScram(service, command, user string) (answer string, err error) {
	answer, err = c.sasl(service, command+"SCRAM-SHA-256", "", "n,,n="+user+",r=abc")
	if err != nil || !isChallenge(answer) {
		return answer, err
	}
	nonce, _, _ := strings.Cut(challenge(answer), ",")
	proof := make([]byte, 32)
	rand.Read(proof)
	response := "c=biws," + nonce + ",p=" + base64.StdEncoding.EncodeToString(proof)
	return c.last(base64.StdEncoding.EncodeToString([]byte(response)), service)
}

func challenge(answer string) string {
	_, text, _ := strings.Cut(answer, " ")
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(b)
}
