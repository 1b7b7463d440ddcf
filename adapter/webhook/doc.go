// Package webhook asks a service of somebody else's, over signed HTTP, whether a
// picture may be shown.
//
// Questions are signed as Standard Webhooks (https://www.standardwebhooks.com,
// spec v1): HMAC-SHA256 over id, time and body, so that the service can tell who
// asks, that nothing was changed and that it is not an old question again. Its
// libraries verify them. Package wire, by contrast, speaks among our own roles.
package webhook
