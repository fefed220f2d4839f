package metal

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/flowrun/flowrun/kernels"
)

// pipeline is a built kernel.
type pipeline struct {
	state object
	group int // maximum threads per threadgroup
	width int // threads per simdgroup
}

// pipeline builds a kernel for one set of definitions, unless it is built already. Metal
// caches compiled kernels on disk itself. The device is entered.
func (d *Device) pipeline(k *kernels.Kernel, definitions []string) (*pipeline, error) {
	key := k.Name + " " + strings.Join(definitions, " ")
	if p := d.pipelines[key]; p != nil {
		return p, nil
	}
	source, err := d.sources.Source("metal", k)
	if err != nil {
		return nil, err
	}
	p, err := d.build(defined(append(definitions[:len(definitions):len(definitions)], d.info.definition()), source.Joined()), k.Entry())
	if err != nil {
		return nil, err
	}
	if p.width != simdWidth {
		d.objc.give(newPipelineState, &p.state)
		return nil, fmt.Errorf("the device would run it %d threads at a time, and it is written for %d", p.width, simdWidth)
	}
	d.pipelines[key] = p
	return p, nil
}

// defined prepends definitions to a source.
func defined(definitions []string, source string) string {
	var text strings.Builder
	for _, definition := range definitions {
		name, value, _ := strings.Cut(definition, "=")
		fmt.Fprintf(&text, "#define %s %s\n", name, value)
	}
	return text.String() + source
}

// build compiles a source and creates a pipeline for its entry point.
func (d *Device) build(text, entry string) (*pipeline, error) {
	lib, err := d.compile(text)
	if err != nil {
		return nil, err
	}
	defer d.objc.give(newLibrary, &lib)
	title := d.objc.newString(entry)
	if title == 0 {
		return nil, d.objc.failed(initWithBytes, 0, nil)
	}
	defer d.objc.give(initWithBytes, &title)
	function := d.objc.create(lib, newFunction, uintptr(title))
	if function == 0 {
		return nil, fmt.Errorf("its source has no entry point %s: %w", entry, d.objc.failed(newFunction, 0, nil))
	}
	defer d.objc.give(newFunction, &function)
	reason := new(object)
	p := &pipeline{state: d.objc.create(d.device, newPipelineState, uintptr(function), uintptr(unsafe.Pointer(reason)))}
	if p.state == 0 {
		return nil, fmt.Errorf("its entry point %s: %w", entry, d.objc.failed(newPipelineState, *reason, nil))
	}
	p.group = int(d.objc.number(p.state, maxTotalThreadsPerThreadgroup))
	p.width = int(d.objc.number(p.state, threadExecutionWidth))
	if n := d.objc.number(p.state, staticThreadgroupMemoryLength); n > d.maxShared {
		d.objc.give(newPipelineState, &p.state)
		return nil, fmt.Errorf("it needs %d bytes of threadgroup memory, but the device has %d", n, d.maxShared)
	}
	return p, nil
}

// compile compiles a source into a library.
func (d *Device) compile(text string) (object, error) {
	source := d.objc.newString(text)
	if source == 0 {
		return 0, d.objc.failed(initWithBytes, 0, nil)
	}
	defer d.objc.give(initWithBytes, &source)
	options := d.objc.compileOptions()
	if options == 0 {
		return 0, d.objc.failed(initialize, 0, nil)
	}
	defer d.objc.give(initialize, &options)
	reason := new(object)
	lib := d.objc.create(d.device, newLibrary, uintptr(source), uintptr(options), uintptr(unsafe.Pointer(reason)))
	if lib == 0 {
		return 0, fmt.Errorf("it doesn't compile as MSL 3.0, which is part of macOS 13: %w", d.objc.failed(newLibrary, *reason, libraryErrors))
	}
	return lib, nil
}

// compileOptions returns the options of every compilation: a fixed language version,
// which would otherwise depend on how the program was linked, and safe math, which isn't
// the default.
func (l *library) compileOptions() object {
	if !l.asks(initialize) {
		return 0
	}
	o := object(l.send(l.classes[mtlCompileOptions], alloc))
	o = object(l.send(o, initialize))
	if o == 0 {
		return 0
	}
	l.live[initialize].Add(1)
	l.send(o, setLanguageVersion, languageVersion3)
	if l.yes(o, respondsToSelector, l.selectors[setMathMode]) {
		l.send(o, setMathMode, mathModeSafe)
		l.send(o, setMathFloatingPointFunctions, functionsPrecise)
	} else {
		l.send(o, setFastMathEnabled, 0) // the same on systems without the other two
	}
	return o
}
