// Package smtp hands letters to a mail server over SMTP (RFC 5321), one a
// connection: as text and HTML side by side, over TLS as it is told.
package smtp
