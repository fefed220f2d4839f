// Package std holds the standard library: modules and optimizers, written in YAML.
package std

import "embed"

// Files are the library's files.
//
//go:embed *.yaml
var Files embed.FS
