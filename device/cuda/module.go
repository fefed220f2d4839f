package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/buildcache"
	"github.com/flowrun/flowrun/device/internal/dynlib"
	"github.com/flowrun/flowrun/kernels"
)

// module is a loaded kernel.
type module struct {
	handle     handle
	function   handle
	parameters []int // sizes of the function's parameters; nil if the driver doesn't report them
	block      int   // maximum threads per block
}

// module builds and loads a kernel for one set of definitions, unless it is loaded
// already or cached on disk. The device is entered.
func (d *Device) module(k *kernels.Kernel, definitions []string) (*module, error) {
	key := k.Name + " " + strings.Join(definitions, " ")
	if m := d.modules[key]; m != nil {
		return m, nil
	}
	m, err := d.load(k, definitions)
	if err != nil {
		return nil, err
	}
	d.modules[key] = m
	return m, nil
}

func (d *Device) load(k *kernels.Kernel, definitions []string) (*module, error) {
	if !d.info.Fuses {
		if d.precompiled != nil {
			if image, ok := d.precompiled(k, definitions); ok {
				return d.open(append(image[:len(image):len(image)], 0), k.Entry())
			}
		}
		return nil, fmt.Errorf("with %s it is not among the precompiled kernels, and it can't be compiled: %s", strings.Join(definitions, " "), d.info.noCompiler)
	}
	source, err := d.sources.Source("cuda", k)
	if err != nil {
		return nil, err
	}
	text := source.Joined()
	target, ptx := d.info.target()
	// No contraction, as on every other device: kernels call fma explicitly.
	options := []string{"--std=c++17", "--gpu-architecture=" + target, "-fmad=false"}
	for _, definition := range definitions {
		options = append(options, "-D"+definition)
	}
	id := buildcache.Key("1", text, strings.Join(options, " "), d.info.driver, d.info.compiler, strconv.Itoa(d.info.capability))
	if image := d.cache.Load(id); image != nil {
		if m, err := d.open(image, k.Entry()); err == nil {
			return m, nil
		} // an image that doesn't load or lacks the kernel is rebuilt
	}
	image, err := d.compile(k.Name+".cu", text, options, ptx)
	if err != nil {
		return nil, err
	}
	m, err := d.open(image, k.Entry())
	if err == nil {
		d.cache.Store(id, image)
	}
	return m, err
}

// open loads an image and inspects its kernel.
func (d *Device) open(image []byte, entry string) (*module, error) {
	m := &module{}
	var err error
	if m.handle, err = d.loadImage(image); err != nil {
		return nil, err
	}
	if err := d.inspect(m, entry); err != nil {
		_ = d.give(cuModuleUnload, &m.handle) // the first error is reported
		return nil, err
	}
	return m, nil
}

// loadImage loads a cubin or zero-terminated PTX.
func (d *Device) loadImage(image []byte) (handle, error) {
	log := make([]byte, 8192)
	options := [2]uint32{jitErrorLogBuffer, jitErrorLogBufferSize}
	values := [2]uintptr{uintptr(unsafe.Pointer(&log[0])), uintptr(len(log))}
	var pin runtime.Pinner
	pin.Pin(&log[0]) // values contains its address as a number
	defer pin.Unpin()
	m, err := d.cl.create(cuModuleLoadDataEx, uintptr(unsafe.Pointer(&image[0])), 2,
		uintptr(unsafe.Pointer(&options)), uintptr(unsafe.Pointer(&values)))
	if err != nil {
		said, _, _ := strings.Cut(string(log), "\x00")
		return 0, fmt.Errorf("it doesn't load: %w%s", err, onItsOwnLine([]byte(said)))
	}
	return m, nil
}

// inspect queries what launches need to know.
func (d *Device) inspect(m *module, entry string) error {
	name := dynlib.Terminated(entry)
	if err := d.cl.call(cuModuleGetFunction, uintptr(unsafe.Pointer(&m.function)), uintptr(m.handle), uintptr(unsafe.Pointer(&name[0]))); err != nil {
		return fmt.Errorf("its entry point %s: %w", entry, err)
	}
	var err error
	if m.block, err = d.cl.number(cuFuncGetAttribute, functionMaxBlock, m.function); err != nil {
		return err
	}
	m.block = min(m.block, d.info.maxBlock)
	m.parameters, err = d.parameters(m.function)
	return err
}

// parameters returns the sizes of a function's parameters, or nil.
func (d *Device) parameters(function handle) ([]int, error) {
	if !d.cl.has(cuFuncGetParamInfo) {
		return nil, nil
	}
	sizes := []int{}
	for {
		var offset, size uintptr
		err := d.cl.call(cuFuncGetParamInfo, uintptr(function), uintptr(len(sizes)), uintptr(unsafe.Pointer(&offset)), uintptr(unsafe.Pointer(&size)))
		switch {
		case is(err, errorInvalidValue): // there are no more parameters
			return sizes, nil
		case err != nil:
			return nil, err
		}
		sizes = append(sizes, int(size))
	}
}

// target is what NVRTC compiles for: the device's own architecture, or the newest that
// NVRTC supports, as PTX, which the driver compiles further.
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

// compile compiles a kernel's source into an image.
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
		log, _ := d.cl.output(nvrtcGetProgramLogSize, nvrtcGetProgramLog, program) // the error code is reported even without it
		return nil, fmt.Errorf("it doesn't compile with %s: %w%s", strings.Join(options, " "), err, onItsOwnLine(log))
	}
	if ptx {
		return d.cl.output(nvrtcGetPTXSize, nvrtcGetPTX, program)
	}
	return d.cl.output(nvrtcGetCUBINSize, nvrtcGetCUBIN, program)
}

// output queries the size of one of a program's outputs, then the output.
func (l *library) output(size, get function, program handle) ([]byte, error) {
	var n uintptr
	if err := l.call(size, uintptr(program), uintptr(unsafe.Pointer(&n))); err != nil || n == 0 {
		return nil, err
	}
	out := make([]byte, n)
	return out, l.call(get, uintptr(program), uintptr(unsafe.Pointer(&out[0])))
}

// destroyProgram releases a program, the only handle that is passed by pointer.
func (l *library) destroyProgram(program *handle) error {
	l.live[nvrtcDestroyProgram].Add(-1)
	return l.call(nvrtcDestroyProgram, uintptr(unsafe.Pointer(program)))
}

// onItsOwnLine formats a compiler's log to follow a message.
func onItsOwnLine(log []byte) string {
	text := strings.TrimSpace(strings.TrimRight(string(log), "\x00"))
	if text == "" {
		return ""
	}
	return "\n" + text
}
