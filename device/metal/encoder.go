package metal

import (
	"runtime"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// put sends a message to the open batch's encoder. It makes no garbage, as there are
// some for each launch: its words lie in the device, and what they point to the
// caller keeps alive.
func (d *Device) put(m message, args ...uintptr) {
	d.words[0], d.words[1] = uintptr(d.open.encoder), d.objc.selectors[m]
	n := copy(d.words[2:], args)
	dynlib.Call(d.objc.address[objcMsgSend], d.words[:2+n]...)
}

// dispatch sends dispatchThreadgroups:threadsPerThreadgroup:. By the convention of
// amd64 (System V) a struct of more than 16 bytes is copied onto the stack, which
// words reach after the six that are for registers; by that of arm64 (AAPCS64) its
// address is passed, and what lies there is the receiver's to change. That is how
// clang compiles such a call for either kind of Mac.
func (d *Device) dispatch(sizes *[2]size) {
	if runtime.GOARCH == "arm64" {
		d.sizes = *sizes
		d.put(dispatchThreadgroups, address(&d.sizes[0]), address(&d.sizes[1]))
		return
	}
	grid, group := &sizes[0], &sizes[1]
	d.put(dispatchThreadgroups, 0, 0, 0, 0,
		uintptr(grid.width), uintptr(grid.height), uintptr(grid.depth),
		uintptr(group.width), uintptr(group.height), uintptr(group.depth))
}
