package httpd

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/smallstep/pkcs7"
)

// signer is who signs profiles; nil: nobody.
func (cfg *Config) signer() *tls.Certificate {
	if cfg.Signer == nil {
		return nil
	}
	return cfg.Signer()
}

// sign puts a profile into CMS SignedData (RFC 5652 §5), as Apple's devices take
// it: they call a profile verified whose signer they would trust in TLS, and
// others unsigned.
func sign(file []byte, by *tls.Certificate) ([]byte, error) {
	chain := make([]*x509.Certificate, len(by.Certificate))
	for i, der := range by.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("signing a profile: %w", err)
		}
		chain[i] = c
	}
	signed, err := pkcs7.NewSignedData(file)
	if err != nil {
		return nil, fmt.Errorf("signing a profile: %w", err)
	}
	signed.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := signed.AddSignerChain(chain[0], by.PrivateKey, chain[1:], pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("signing a profile: %w", err)
	}
	der, err := signed.Finish()
	if err != nil {
		return nil, fmt.Errorf("signing a profile: %w", err)
	}
	return der, nil
}
