//go:build !nogpu && (darwin || linux) && (amd64 || arm64)

package metal

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

var loaded dynlib.Once[library]

// load opens Metal, and registers all classes and selectors.
func load() (*library, error) { return loaded.Get(openFrameworks) }

func openFrameworks() (*library, error) {
	l := &library{address: make([]uintptr, len(functions)), live: make([]atomic.Int64, len(selectors))}
	for i, symbol := range functions {
		f := function(i)
		if f == objcMsgSendStret && runtime.GOARCH != "amd64" {
			continue // on other architectures a struct's address has its own register
		}
		name := libraryOf(f)
		module, err := openModule(name)
		if err == nil {
			l.address[f], err = purego.Dlsym(module, symbol)
		}
		if err != nil {
			return nil, missing(name, err)
		}
	}
	for _, name := range alsoNeeded {
		if _, err := openModule(name); err != nil {
			return nil, missing(name, err)
		}
	}
	named := func(f function, name string) uintptr {
		title := dynlib.Terminated(name)
		return dynlib.Call(l.address[f], uintptr(unsafe.Pointer(&title[0])))
	}
	for _, name := range classes {
		c := object(named(objcGetClass, name))
		if c == 0 {
			return nil, fmt.Errorf("there is no Objective-C class %s", name)
		}
		l.classes = append(l.classes, c)
	}
	for _, name := range selectors {
		l.selectors = append(l.selectors, named(selRegisterName, name))
	}
	// On amd64 the address of a returned struct of more than 16 bytes is the first
	// argument, and objc_msgSend_stret sends such messages; on arm64 it has its own
	// register.
	sender := objcMsgSend
	if runtime.GOARCH == "amd64" {
		sender = objcMsgSendStret
	}
	purego.RegisterFunc(&l.sendForSize, l.address[sender])
	return l, nil
}
