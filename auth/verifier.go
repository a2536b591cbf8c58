package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"time"

	"golang.org/x/crypto/argon2"

	"posthorn/store"
)

// What one guess costs whoever has stolen the database. A verifier holds two
// hashes of the same password, so it is as weak as the weaker one.
//
// argon2id with 19 MiB and two passes takes 20 to 48 ms of one core here. For
// SCRAM there is only PBKDF2's count to choose, and clients bound it: Cyrus
// SASL (mbsync, many others) refuses more than 65,536 rounds outright
// ("iteration-count is too big"), and then the login fails although PLAIN was
// there too. So it is the most that every client takes: 11 ms of one core,
// sixteen times RFC 7677 §4's least. The 600,000 rounds that OWASP's Password
// Storage Cheat Sheet holds equal to these parameters of argon2id can't be had;
// who fears for the database chooses long passwords, and app passwords are.
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	scramRounds = 1 << 16
	saltSize    = 16
	hashSize    = 32
)

// parameters are what all verifiers of one account share: SCRAM's server
// names salt and rounds before it knows which of the passwords is coming, and
// a password in clear is hashed once, however many app passwords there are.
type parameters struct {
	memory, passes uint32 // argon2id's, in KiB
	lanes          uint8
	rounds         int // PBKDF2's, for SCRAM
	salt           string
}

func newParameters(salt []byte) parameters {
	return parameters{argonMemory, argonPasses, argonLanes, scramRounds, string(salt)}
}

// verifier is a stored password: what Credential.Verifier says.
type verifier struct {
	name string   // the credential's
	sum  checksum // of its stored form
	parameters
	hash      []byte // argon2id
	storedKey []byte // RFC 5802 §3, with SHA-256
	serverKey []byte
	// quick is what a password is compared with without being hashed slowly,
	// where it is one that newPassword made: nobody guesses 84 bits, however
	// fast. Nil otherwise.
	quick []byte
}

// checksum tells a stored password from any other, also from the same one that
// was set again.
type checksum [sha256.Size]byte

func sumOf(c store.Credential) checksum {
	return sha256.Sum256(fmt.Appendf(nil, "%s %d", c.Verifier, c.Created.UnixMilli()))
}

// MakeCredential builds the stored form of a password. Its parameters (salt,
// iteration count) are those of the account's other credentials, where there
// are any. name is empty for the account's own password. It takes a tenth of a
// second or more. mail.ErrInvalid when the password cannot be one.
func MakeCredential(existing []store.Credential, name, password string) (store.Credential, error) {
	prepared, err := checkPassword(password)
	if err != nil {
		return store.Credential{}, err
	}
	var p parameters
	if len(existing) > 0 {
		v, err := parseVerifier(existing[0])
		if err != nil {
			return store.Credential{}, err
		}
		p = v.parameters
	} else {
		salt := make([]byte, saltSize)
		rand.Read(salt)
		p = newParameters(salt)
	}
	v, err := makeVerifier(p, prepared)
	if err != nil {
		return store.Credential{}, err
	}
	if name != "" && isMade(prepared) {
		v.quick = quickHash(p.salt, prepared)
	}
	return store.Credential{Name: name, Verifier: v.marshal(), Created: time.Now()}, nil
}

func makeVerifier(p parameters, prepared string) (verifier, error) {
	salted, err := pbkdf2.Key(sha256.New, prepared, []byte(p.salt), p.rounds, sha256.Size)
	if err != nil {
		return verifier{}, err
	}
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	return verifier{
		parameters: p,
		hash:       p.hash(prepared),
		storedKey:  stored[:],
		serverKey:  mac(salted, "Server Key"),
	}, nil
}

// hash is the argon2id hash of a password. It takes p.memory KiB, so it is
// called within a slot.
func (p parameters) hash(prepared string) []byte {
	return argon2.IDKey([]byte(prepared), []byte(p.salt), p.passes, p.memory, p.lanes, hashSize)
}

// matches reports whether hash is this verifier's.
func (v *verifier) matches(hash []byte) bool {
	return subtle.ConstantTimeCompare(v.hash, hash) == 1
}

// made finds the verifier of a password that newPassword made.
func made(verifiers []verifier, prepared string) (i int, ok bool) {
	if !isMade(prepared) {
		return 0, false
	}
	hash := quickHash(verifiers[0].salt, prepared)
	for i := range verifiers {
		if subtle.ConstantTimeCompare(verifiers[i].quick, hash) == 1 {
			return i, true
		}
	}
	return 0, false
}

func quickHash(salt, prepared string) []byte { return mac([]byte(salt), "app password", prepared) }

func mac(key []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

// marshal writes a verifier as one line, the argon2id half as in the PHC
// string format. Another scheme would have another first word.
func (v *verifier) marshal() []byte {
	b64 := base64.RawStdEncoding.EncodeToString
	text := fmt.Appendf(nil, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s$scram-sha-256$i=%d$%s$%s",
		argon2.Version, v.memory, v.passes, v.lanes, b64([]byte(v.salt)), b64(v.hash),
		v.rounds, b64(v.storedKey), b64(v.serverKey))
	if v.quick != nil {
		text = fmt.Appendf(text, "$made$%s", b64(v.quick))
	}
	return text
}

func parseVerifier(c store.Credential) (verifier, error) {
	v := verifier{name: c.Name, sum: sumOf(c)}
	bad := fmt.Errorf("auth: the stored verifier of credential %q is not one", c.Name)
	field := bytes.Split(c.Verifier, []byte("$"))
	quick := len(field) == 12 && string(field[10]) == "made"
	if len(field) != 10 && !quick || string(field[1]) != "argon2id" || string(field[6]) != "scram-sha-256" {
		return v, bad
	}
	var version int
	if _, err := fmt.Sscanf(string(field[2]), "v=%d", &version); err != nil || version != argon2.Version {
		return v, bad
	}
	if _, err := fmt.Sscanf(string(field[3]), "m=%d,t=%d,p=%d", &v.memory, &v.passes, &v.lanes); err != nil {
		return v, bad
	}
	if _, err := fmt.Sscanf(string(field[7]), "i=%d", &v.rounds); err != nil {
		return v, bad
	}
	type binary struct {
		dst  *[]byte
		text []byte
	}
	var salt []byte
	parts := []binary{{&salt, field[4]}, {&v.hash, field[5]}, {&v.storedKey, field[8]}, {&v.serverKey, field[9]}}
	if quick {
		parts = append(parts, binary{&v.quick, field[11]})
	}
	for _, f := range parts {
		b, err := base64.RawStdEncoding.AppendDecode(nil, f.text)
		if err != nil || len(b) < 8 {
			return v, bad
		}
		*f.dst = b
	}
	v.salt = string(salt)
	if v.memory < 8 || v.memory > 1<<20 || v.passes < 1 || v.lanes < 1 || v.rounds < 1 ||
		len(v.hash) != hashSize || len(v.storedKey) != sha256.Size || len(v.serverKey) != sha256.Size ||
		quick && len(v.quick) != sha256.Size {
		return v, bad
	}
	if !bytes.Equal(v.marshal(), c.Verifier) { // Sscanf and base64 take more forms than the one
		return v, bad
	}
	return v, nil
}
