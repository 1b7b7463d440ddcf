package app

import (
	"fmt"
	"strings"

	"meridian/platform/config"
	"meridian/world"
)

// Settings are the role's settings with their defaults.
func (r Role) Settings() []config.Field {
	return config.Fields(r.section(NewFile(r.Name)))
}

// Reference is docs/config.md: every setting of every role.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Config reference

Printed by ` + "`meridian roles --reference`" + `; do not edit it here.

A machine's config file is YAML. It names the place and the world, and has a
section for each role that may run there. Unknown settings are refused by line.
A setting without a default must be given, or may stay out where its meaning says so.

## The file

`)
	b.WriteString(config.Markdown(fileFields()))
	for _, r := range Roles() {
		fmt.Fprintf(&b, "\n## %s\n\nRole `%s`: %s. Holds: %s.\n\n", r.Name, r.Name, r.Purpose, r.Cred)
		b.WriteString(config.Markdown(r.Settings()))
	}
	b.WriteString("\n## The world file: pictures\n\nWhat each app's pictures may be made into. It is in the world file, which every machine has, since edges, regions and pages must agree. [pictures.md](pictures.md) explains it.\n\n")
	b.WriteString(config.Markdown(config.Fields(struct {
		Pictures []world.Pictures `yaml:"pictures" doc:"apps with settings of their own"`
	}{})))
	b.WriteString("\n## The accelerator\n\nThe config file of `meridian edge --config`: a file of its own, without sections. [accelerator.md](accelerator.md) explains it.\n\n")
	b.WriteString(config.Markdown(config.Fields(NewAcceleratorFile())))
	b.WriteString("\n## The payment provider to try things out with\n\nThe config file of `meridian testpay --config`: a file of its own, without sections. [app/testpay/README.md](../app/testpay/README.md) explains it.\n\n")
	b.WriteString(config.Markdown(config.Fields(NewTestpayFile())))
	return b.String()
}

// fileFields are the settings outside the roles' sections.
func fileFields() []config.Field {
	var out []config.Field
	for _, f := range config.Fields(NewFile()) {
		section := false
		for _, r := range RoleNames() {
			section = section || f.Path == r
		}
		if !section {
			out = append(out, f)
		}
	}
	return out
}
