// Package data holds what the shipped world Sweet Crumbs sells and says, as
// files: catalogs, drawings, tax rates, sample rates of exchange and the words of
// the storefront. It only embeds them; who needs one parses it. README.md
// describes every format.
package data

import "embed"

// FS holds catalog/<market>.yaml, art/<name>.svg, locales/<locale>.yaml,
// fx/sample.xml and tax.csv, all UTF-8.
//
//go:embed catalog/*.yaml art/*.svg fx/*.xml locales/*.yaml tax.csv
var FS embed.FS
