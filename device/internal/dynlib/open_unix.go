//go:build !nogpu && (linux || darwin) && (amd64 || arm64)

package dynlib

import "github.com/ebitengine/purego"

// Open opens a library.
func Open(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

// Symbol finds a function.
func Symbol(library uintptr, name string) (uintptr, error) { return purego.Dlsym(library, name) }
