//go:build !nogpu && (amd64 || arm64)

package cuda

import "github.com/ebitengine/purego"

var driverNames = []string{"libcuda.so.1", "libcuda.so"}

// compilerNames are NVRTC's, the newest first, and last where the toolkit's
// installer puts it.
func compilerNames() []string {
	return []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so"}
}

func openModule(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func findSymbol(module uintptr, name string) (uintptr, error) { return purego.Dlsym(module, name) }
