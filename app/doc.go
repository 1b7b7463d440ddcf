// Package app puts Meridian's roles together: the table of roles with their
// needs, the config file of a machine, and the adapters that each role is
// handed. It is the only package that knows both roles and adapters.
package app
