//go:build !nogpu && (linux || darwin) && (amd64 || arm64)

package opencl

import "github.com/ebitengine/purego"

func openModule(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func findSymbol(module uintptr, name string) (uintptr, error) { return purego.Dlsym(module, name) }
