package kernels_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/kernels"
)

// emulated is a device that runs the kernels of a language in the emulator. Several
// of them, which differ in how they run the same, may share a process.
type emulated struct {
	name    string
	process *emulator.Process
	modules *modules
	how     emulator.How
	limits  kernels.Limits
}

// dialect is what kernels' sources are compiled for.
type dialect struct {
	language string
	device   string   // that stands for it
	defines  []string // of the language's own, as its driver puts them before a source
	lacks    []string // the dtypes that it hasn't
}

var (
	inCUDA = dialect{"cuda", "cuda-emulator", nil, nil}
	// Metal where simdgroups multiply matrices, and where they don't: only matmul
	// differs.
	inMetal      = dialect{"metal", "metal-emulator", []string{"SIMDGROUP_MATRIX=1"}, []string{"f64"}}
	inPlainMetal = dialect{"metal", "metal-emulator-without-matrices", []string{"SIMDGROUP_MATRIX=0"}, []string{"f64"}}
)

// kernels are those whose sources the dialect makes a difference to.
func (in dialect) kernels(t testing.TB) []*kernels.Kernel {
	if in.device == inPlainMetal.device {
		return []*kernels.Kernel{kernel(t, "matmul")}
	}
	return slices.DeleteFunc(load(t).Kernels(), func(k *kernels.Kernel) bool { return !k.In(in.language) })
}

// modules builds kernels when they are first needed: all choices of dtypes at once.
type modules struct {
	dialect   dialect
	sources   *kernels.Sources
	sanitizer emulator.Sanitizer
	process   *emulator.Process
	short     bool
	loaded    map[string]error
}

// openEmulated starts an emulator; the test is skipped by name where there is no
// compiler for it.
func openEmulated(t testing.TB, in dialect, sources *kernels.Sources, sanitizer emulator.Sanitizer, limits kernels.Limits) *emulated {
	t.Helper()
	if _, err := emulator.Compiler(); err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	process, err := emulator.Start(sanitizer)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, process.Close()) })
	m := &modules{in, sources, sanitizer, process, sanitizer != emulator.None, map[string]error{}}
	return &emulated{in.device, process, m, 0, limits}
}

// running is the same device, where kernels run in another way.
func (d *emulated) running(how emulator.How) *emulated {
	other := *d
	other.how = how
	if how&emulator.Backwards != 0 {
		other.name += "-backwards"
	}
	if how&emulator.Flushing != 0 {
		other.name += "-flushing"
	}
	return &other
}

// unitName is what a kernel is called in the process.
func unitName(k *kernels.Kernel, defines []string) string {
	return k.Name + " " + strings.Join(defines, " ")
}

// unit is a kernel for one choice of dtypes.
func (in dialect) unit(k *kernels.Kernel, source kernels.Source, inputs []string, output string) emulator.Unit {
	defines := slices.Concat(in.defines, k.Defines(inputs, output))
	return emulator.Unit{Name: unitName(k, defines), Language: in.language, Source: source, Defines: defines, Entry: k.Entry()}
}

// units are a kernel's, one for each choice of dtypes that the language has; in short
// there are fewer. A fused kernel has one: its dtypes are a part of it.
func (in dialect) units(k *kernels.Kernel, sources *kernels.Sources, short bool) ([]emulator.Unit, error) {
	k = k.For(in.language)
	source, err := sources.Source(in.language, k)
	if err != nil {
		return nil, err
	}
	choices := k.Choices()
	if k.Fused() != nil {
		choices = []map[string]string{{}}
	}
	var all []emulator.Unit
	for _, types := range choices {
		if short && !isCommon(types) || hasAny(in.lacks, types) {
			continue
		}
		resolve := func(declared string) string {
			if dtype, ok := types[declared]; ok {
				return dtype
			}
			return declared
		}
		var inputs []string
		for _, in := range k.Inputs {
			inputs = append(inputs, resolve(in.DType))
		}
		all = append(all, in.unit(k, source, inputs, resolve(k.Output.DType)))
	}
	return all, nil
}

// load makes kernels known to the process. Those that it is given together are built
// together, which is faster.
func (m *modules) load(all ...*kernels.Kernel) error {
	var missing []emulator.Unit
	names := map[string]bool{}
	var problems error
	for _, k := range all {
		if err, ok := m.loaded[k.Name]; ok || names[k.Name] {
			problems = errors.Join(problems, err)
			continue
		}
		names[k.Name] = true
		units, err := m.dialect.units(k, m.sources, m.short)
		if err != nil {
			return err
		}
		missing = append(missing, units...)
	}
	paths, err := emulator.Build(missing, m.sanitizer)
	for _, path := range paths {
		if err == nil {
			err = m.process.Load(path)
		}
	}
	for name := range names {
		m.loaded[name] = err
	}
	return errors.Join(problems, err)
}

func (d *emulated) Name() string { return d.name }
func (d *emulated) Info() device.Info {
	in := d.modules.dialect
	return device.Info{Name: d.name, Kind: in.language, Language: in.language, Description: "emulator", Lacks: in.lacks}
}
func (d *emulated) Sync() error  { return nil }
func (d *emulated) Close() error { return nil }

type emulatedBuffer struct {
	d       *emulated
	address uint64
	bytes   int64
	once    sync.Once
}

func (b *emulatedBuffer) Device() device.Device { return b.d }
func (b *emulatedBuffer) Bytes() int64          { return b.bytes }
func (b *emulatedBuffer) Free() (err error) {
	b.once.Do(func() { err = b.d.process.Free(b.address) })
	return err
}

func (d *emulated) Alloc(bytes int64) (device.Buffer, error) {
	address, err := d.process.Alloc(bytes)
	return &emulatedBuffer{d: d, address: address, bytes: bytes}, err
}

func (d *emulated) address(s device.Slice) uint64 {
	return s.Buffer.(*emulatedBuffer).address + uint64(s.Offset)
}

func (d *emulated) BindFromHost(dst device.Slice, src []byte) (device.Command, error) {
	return device.CommandFunc(func() error { return d.process.Write(d.address(dst), src) }), nil
}

func (d *emulated) BindToHost(dst []byte, src device.Slice) (device.Command, error) {
	return device.CommandFunc(func() error { return d.process.Read(dst, d.address(src)) }), nil
}

func (d *emulated) BindWithin(device.Slice, device.Slice) (device.Command, error) {
	return nil, errors.New("the emulator's device has no copies within")
}

func (d *emulated) Bind(call *device.Call) (device.Command, error) {
	language := d.modules.dialect.language
	k := call.Kernel.For(language)
	if err := d.modules.load(call.Kernel); err != nil {
		return nil, err
	}
	last := len(call.Buffers) - 1
	tensors, dtypes := make([]kernels.Tensor, last+1), make([]string, last+1)
	for i, b := range call.Buffers {
		tensors[i], dtypes[i] = kernels.Tensor{DType: b.DType, Shape: b.Shape}, b.DType
	}
	launches, err := k.Launches(tensors[:last], tensors[last], call.Scalars, d.limits)
	if err != nil {
		return nil, err
	}
	name := d.modules.dialect.unit(k, kernels.Source{}, dtypes[:last], dtypes[last]).Name
	return device.CommandFunc(func() error {
		for _, l := range launches {
			var parameters [][]byte
			for _, i := range append(l.Inputs[:len(l.Inputs):len(l.Inputs)], last) {
				parameters = append(parameters, binary.LittleEndian.AppendUint64(nil, d.address(call.Buffers[i].Slice)))
			}
			args := l.Args
			if language == "metal" && len(args) > 0 {
				args = [][]byte{kernels.PackArguments(args)}
			}
			grid := make([]int, len(l.Global))
			for i := range grid {
				grid[i] = l.Global[i] / l.Local[i]
			}
			if err := d.process.Launch(name, grid, l.Local, append(parameters, args...), d.how); err != nil {
				return fmt.Errorf("kernel %s: %w", k.Name, err)
			}
		}
		return nil
	}), nil
}
