// Package localworld is `meridian up`: the machine room around the roles on
// one machine. It makes the PostgreSQL clusters, the emulated links, the
// credentials and the first data, starts every role, and lets travellers in.
package localworld
