package flowrun

import "github.com/flowrun/flowrun/spec"

// Module describes a module of the standard library.
type Module = spec.Module

// Modules lists the standard library, group by group.
func Modules() []Module { return spec.StandardModules() }
