// Package dnsserver speaks DNS for an authoritative name server: messages over
// UDP and TCP, EDNS with client subnets and cookies, truncation, response rates
// and DNSSEC signatures made when they are asked for. What a name is answered
// with is its [Source]'s.
//
// A query is read and its answer written by code of this package, since a
// server's whole cost lies there; zone files, keys and signatures are the
// library's (github.com/miekg/dns), and tests hold the two against one another.
package dnsserver
