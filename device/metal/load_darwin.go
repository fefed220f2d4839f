//go:build !nogpu && (amd64 || arm64)

package metal

import (
	"fmt"

	"github.com/ebitengine/purego"
)

const (
	frameworks   = "/System/Library/Frameworks/"
	metalLibrary = frameworks + "Metal.framework/Metal"
	objcLibrary  = "/usr/lib/libobjc.A.dylib"
	foundation   = frameworks + "Foundation.framework/Foundation"
	coreGraphics = frameworks + "CoreGraphics.framework/CoreGraphics"
)

// alsoNeeded are libraries in which nothing is looked up: Foundation has the classes, and
// without Core Graphics a program without a window gets no default device (see the
// documentation of MTLCreateSystemDefaultDevice).
var alsoNeeded = []string{foundation, coreGraphics}

func openModule(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
}

// Libraries lists the libraries to open when looking for devices.
func Libraries() []string { return append([]string{metalLibrary, objcLibrary}, alsoNeeded...) }

func libraryOf(f function) string {
	if f.ofMetal() {
		return metalLibrary
	}
	return objcLibrary
}

func missing(library string, err error) error {
	return fmt.Errorf("%s of macOS can't be opened: %w", library, err)
}
