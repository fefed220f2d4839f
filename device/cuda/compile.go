package cuda

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// target is what NVRTC compiles for: the device's own architecture, or, if NVRTC
// doesn't know that yet, the newest that it does know, as PTX, which the driver
// compiles further.
func (p *properties) target() (option string, ptx bool) {
	newest := 0
	for _, a := range p.architectures {
		if a == p.capability {
			return fmt.Sprintf("sm_%d", a), false
		}
		if a < p.capability {
			newest = max(newest, a)
		}
	}
	return fmt.Sprintf("compute_%d", newest), true
}

// compile makes a kernel's source what the driver loads.
func (d *Device) compile(name, text string, options []string, ptx bool) (image []byte, err error) {
	source, title := dynlib.Terminated(text), dynlib.Terminated(name)
	program, err := d.cl.create(nvrtcCreateProgram, uintptr(unsafe.Pointer(&source[0])), uintptr(unsafe.Pointer(&title[0])), 0, 0, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.cl.destroyProgram(&program)) }()
	list := make([]*byte, len(options))
	for i, o := range options {
		list[i] = &dynlib.Terminated(o)[0]
	}
	if err := d.cl.call(nvrtcCompileProgram, uintptr(program), uintptr(len(list)), uintptr(unsafe.Pointer(&list[0]))); err != nil {
		log, _ := d.cl.output(nvrtcGetProgramLogSize, nvrtcGetProgramLog, program) // without it there is still the code
		return nil, fmt.Errorf("it doesn't compile with %s: %w%s", strings.Join(options, " "), err, onItsOwnLine(log))
	}
	if ptx {
		return d.cl.output(nvrtcGetPTXSize, nvrtcGetPTX, program)
	}
	return d.cl.output(nvrtcGetCUBINSize, nvrtcGetCUBIN, program)
}

// output asks for the size of something that a program has, and then for it.
func (l *library) output(size, get function, program handle) ([]byte, error) {
	var n uintptr
	if err := l.call(size, uintptr(program), uintptr(unsafe.Pointer(&n))); err != nil || n == 0 {
		return nil, err
	}
	out := make([]byte, n)
	return out, l.call(get, uintptr(program), uintptr(unsafe.Pointer(&out[0])))
}

// destroyProgram releases a program, which alone among handles is passed by a
// pointer.
func (l *library) destroyProgram(program *handle) error {
	l.live[nvrtcDestroyProgram].Add(-1)
	return l.call(nvrtcDestroyProgram, uintptr(unsafe.Pointer(program)))
}

// onItsOwnLine is what a compiler said, after a message.
func onItsOwnLine(log []byte) string {
	text := strings.TrimSpace(strings.TrimRight(string(log), "\x00"))
	if text == "" {
		return ""
	}
	return "\n" + text
}
