// Package webhook speaks to services of somebody else's over signed HTTP: it asks
// one whether a picture may be shown, and tells owners' systems what happens in
// their market.
//
// Messages are signed as Standard Webhooks (https://www.standardwebhooks.com,
// spec v1): HMAC-SHA256 over id, time and body, so that the service can tell who
// speaks, that nothing was changed and that it is not an old message again. Its
// libraries verify them. Package wire, by contrast, speaks among our own roles.
package webhook
