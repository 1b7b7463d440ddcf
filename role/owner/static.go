package owner

import "embed"

//go:embed static
var staticFiles embed.FS

// staticPrefix begins the address of every static file of the owner's pages.
const staticPrefix = ordersPath + "assets/"
