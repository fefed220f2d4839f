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

// load opens Metal, and registers all classes and messages.
func load() (*library, error) { return loaded.Get(openFrameworks) }

func openFrameworks() (*library, error) {
	l := &library{address: make([]uintptr, len(functions)), live: make([]atomic.Int64, len(selectors))}
	for i, symbol := range functions {
		f := function(i)
		if f == objcMsgSendStret && runtime.GOARCH != "amd64" {
			continue // elsewhere a struct's address has a register of its own
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
	for c, name := range classNames {
		title := dynlib.Terminated(name)
		if l.classes[c] = l.getClass(title); l.classes[c] == 0 {
			return nil, fmt.Errorf("there is no Objective-C class %s", name)
		}
	}
	for _, name := range selectors {
		l.selectors = append(l.selectors, l.registerName(dynlib.Terminated(name)))
	}
	purego.RegisterFunc(&l.sendForSize, l.address[l.sizeSender()])
	return l, nil
}

var classNames = [classes]string{nsString: "NSString", mtlCompileOptions: "MTLCompileOptions"}

// sizeSender is what sends a message that gives an MTLSize: on amd64 the address
// of a struct of more than 16 bytes is the first argument, and there is a function
// for that; on arm64 it has a register of its own.
func (l *library) sizeSender() function {
	if runtime.GOARCH == "amd64" {
		return objcMsgSendStret
	}
	return objcMsgSend
}

func (l *library) getClass(terminated []byte) object {
	return object(dynlib.Call(l.address[objcGetClass], uintptr(unsafe.Pointer(&terminated[0]))))
}

func (l *library) registerName(terminated []byte) uintptr {
	return dynlib.Call(l.address[selRegisterName], uintptr(unsafe.Pointer(&terminated[0])))
}
