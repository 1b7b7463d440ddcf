// Package failover keeps one database cluster of two servers writable through
// the loss of either: it decides who is primary, by lease and epoch, and has the
// servers do it; it starts no process and opens no connection itself.
package failover
