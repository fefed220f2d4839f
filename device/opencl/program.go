package opencl

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/buildcache"
	"github.com/flowrun/flowrun/device/internal/dynlib"
	"github.com/flowrun/flowrun/kernels"
)

// program is a built program with one kernel.
type program struct {
	handle     handle
	parameters int // number of the kernel's parameters
	group      int // maximum work-items per group
}

// program builds a kernel for one set of definitions, unless it is built already or
// cached on disk. The lock is held.
func (d *Device) program(k *kernels.Kernel, definitions []string) (*program, error) {
	key := k.Name + " " + strings.Join(definitions, " ")
	if p := d.programs[key]; p != nil {
		return p, nil
	}
	source, err := d.sources.Source("opencl", k)
	if err != nil {
		return nil, err
	}
	text := source.Joined()
	options := d.info.options
	for _, definition := range definitions {
		options += " -D " + definition
	}
	id := buildcache.Key("1", text, options, d.info.Description, d.info.vendor, d.info.version, d.info.driver, strconv.Itoa(d.info.maxGroup))
	p := d.cached(id, options, k.Entry())
	if p == nil {
		p = &program{}
		var log string
		if p.handle, log, err = d.fromSource(text, options); err != nil {
			return nil, fmt.Errorf("%w%s", err, located(log, source.Files))
		}
		if binary, err := d.binary(p.handle); err == nil {
			d.cache.Store(id, binary)
		}
		if err := d.inspect(p, k.Entry()); err != nil {
			_ = d.cl.release(clReleaseProgram, &p.handle) // the first error is reported
			return nil, err
		}
	}
	d.programs[key] = p
	return p, nil
}

// cached returns a program from the cache; nil if there is none or it doesn't load.
func (d *Device) cached(id, options, entry string) *program {
	binary := d.cache.Load(id)
	if binary == nil {
		return nil
	}
	handle, err := d.fromBinary(binary, options)
	if err != nil {
		return nil
	}
	p := &program{handle: handle}
	if d.inspect(p, entry) != nil {
		_ = d.cl.release(clReleaseProgram, &p.handle) // unusable anyway
		return nil
	}
	return p
}

// inspect queries what launches need to know.
func (d *Device) inspect(p *program, entry string) error {
	kernel, err := d.kernel(p, entry)
	if err != nil {
		return err
	}
	parameters, err := d.cl.number(clGetKernelInfo, kernelNumArgs, kernel)
	if err == nil {
		var group uint64
		group, err = d.cl.number(clGetKernelWorkGroupInfo, kernelWorkGroupSize, kernel, d.info.id)
		p.parameters, p.group = int(parameters), min(int(group), d.info.maxGroup)
	}
	if gone := d.cl.release(clReleaseKernel, &kernel); err == nil {
		err = gone
	}
	return err
}

// kernel creates a kernel object.
func (d *Device) kernel(p *program, entry string) (handle, error) {
	name := append([]byte(entry), 0)
	kernel, err := d.cl.create(clCreateKernel, uintptr(p.handle), uintptr(unsafe.Pointer(&name[0])))
	if err != nil {
		return 0, fmt.Errorf("its entry point %s: %w", entry, err)
	}
	return kernel, nil
}

// fromSource compiles a program. With an error it also returns the compiler's log.
func (d *Device) fromSource(text, options string) (_ handle, log string, _ error) {
	source := append([]byte(text), 0)
	at, size := &source[0], uintptr(len(text))
	program, err := d.cl.create(clCreateProgramWithSource, uintptr(d.context), 1,
		uintptr(unsafe.Pointer(&at)), uintptr(unsafe.Pointer(&size)))
	if err != nil {
		return 0, "", err
	}
	if err := d.build(program, options); err != nil {
		log, _ = d.cl.text(clGetProgramBuildInfo, programBuildLog, program, d.info.id) // the error code is reported even without it
		_ = d.cl.release(clReleaseProgram, &program)
		return 0, log, fmt.Errorf("it doesn't build with %q: %w", options, err)
	}
	return program, "", nil
}

// fromBinary loads the result of an earlier build on this device.
func (d *Device) fromBinary(binary []byte, options string) (handle, error) {
	at, size, status := &binary[0], uintptr(len(binary)), int32(0)
	program, err := d.cl.create(clCreateProgramWithBinary, uintptr(d.context), 1, uintptr(unsafe.Pointer(&d.info.id)),
		uintptr(unsafe.Pointer(&size)), uintptr(unsafe.Pointer(&at)), uintptr(unsafe.Pointer(&status)))
	if err != nil {
		return 0, err
	}
	if err := d.build(program, options); err != nil {
		_ = d.cl.release(clReleaseProgram, &program)
		return 0, err
	}
	return program, nil
}

func (d *Device) build(program handle, options string) error {
	terminated := dynlib.Terminated(options)
	return d.cl.call(clBuildProgram, uintptr(program), 1, uintptr(unsafe.Pointer(&d.info.id)),
		uintptr(unsafe.Pointer(&terminated[0])), 0, 0)
}

// binary returns a built program as bytes.
func (d *Device) binary(program handle) ([]byte, error) {
	size, err := d.cl.number(clGetProgramInfo, programBinarySizes, program)
	if err != nil || size == 0 {
		return nil, err
	}
	binary := make([]byte, size)
	at := &binary[0]
	return binary, d.cl.call(clGetProgramInfo, uintptr(program), programBinaries, unsafe.Sizeof(at), uintptr(unsafe.Pointer(&at)), 0)
}

// anonymous matches positions in the logs of compilers that ignore #line: lines in the
// joined text. NVIDIA's prints <kernel>:12.
var anonymous = regexp.MustCompile(`<[a-z ]+>:(\d+)`)

// located maps the positions in a compiler's log back to the files.
func located(log string, files []kernels.File) string {
	log = strings.TrimSpace(log)
	if log == "" {
		return ""
	}
	return "\n" + anonymous.ReplaceAllStringFunc(log, func(place string) string {
		line, err := strconv.Atoi(anonymous.FindStringSubmatch(place)[1])
		if err != nil {
			return place
		}
		for _, f := range files {
			lines := strings.Count(f.Text, "\n") + 2 // plus #line and the end of the last line
			if line <= lines {
				return fmt.Sprintf("%s:%d", f.Name, line-1)
			}
			line -= lines
		}
		return place
	})
}
