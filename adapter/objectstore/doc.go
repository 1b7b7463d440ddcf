// Package objectstore keeps whole objects, pictures above all, under keys: in a
// directory on one machine, in a bucket of an S3-compatible store beyond it.
// What it adds is what an acknowledgement means: the bytes are those that were
// announced, all of them, and a power cut does not take them back.
package objectstore
