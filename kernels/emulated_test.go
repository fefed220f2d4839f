package kernels_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/emulator"
)

// emulated is a device that runs the CUDA kernels in the emulator. Two of them,
// whose threads run in opposite orders, may share a process.
type emulated struct {
	name    string
	process *emulator.Process
	modules *modules
	reverse bool
	limits  kernels.Limits
}

// modules builds kernels when they are first needed: all choices of dtypes at once.
type modules struct {
	sources   *kernels.Sources
	sanitizer emulator.Sanitizer
	process   *emulator.Process
	short     bool
	loaded    map[string]error
}

// openEmulated starts an emulator; the test is skipped by name where there is no
// compiler for it.
func openEmulated(t testing.TB, sources *kernels.Sources, sanitizer emulator.Sanitizer, limits kernels.Limits) (forwards, backwards *emulated) {
	t.Helper()
	if _, err := emulator.Compiler(); err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	process, err := emulator.Start(sanitizer)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, process.Close()) })
	m := &modules{sources, sanitizer, process, sanitizer != emulator.None, map[string]error{}}
	return &emulated{"emulator", process, m, false, limits}, &emulated{"emulator-backwards", process, m, true, limits}
}

// unitName is what a kernel is called in the process.
func unitName(k *kernels.Kernel, defines []string) string {
	return k.Name + " " + strings.Join(defines, " ")
}

// units are a kernel's, one for each choice of dtypes; in short there are fewer.
func units(k *kernels.Kernel, sources *kernels.Sources, short bool) ([]emulator.Unit, error) {
	k = k.For("cuda")
	source, err := sources.Source("cuda", k)
	if err != nil {
		return nil, err
	}
	var all []emulator.Unit
	for _, types := range combinations(k) {
		if short && !isCommon(types) {
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
		defines := k.Defines(inputs, resolve(k.Output.DType))
		all = append(all, emulator.Unit{Name: unitName(k, defines), Source: source, Defines: defines, Entry: k.Entry()})
	}
	return all, nil
}

// fusedUnit is a fused kernel's only one: its dtypes are a part of it.
func fusedUnit(k *kernels.Kernel, sources *kernels.Sources) ([]emulator.Unit, error) {
	source, err := sources.Source("cuda", k)
	var inputs []string
	for _, in := range k.Inputs {
		inputs = append(inputs, in.DType)
	}
	defines := k.Defines(inputs, k.Output.DType)
	return []emulator.Unit{{Name: unitName(k, defines), Source: source, Defines: defines, Entry: k.Entry()}}, err
}

// load makes a kernel known to the process.
func (m *modules) load(k *kernels.Kernel) error {
	if err, ok := m.loaded[k.Name]; ok {
		return err
	}
	all, err := units(k, m.sources, m.short)
	if r := k.Fused(); r != nil {
		all, err = fusedUnit(k, m.sources)
	}
	var paths []string
	if err == nil {
		paths, err = emulator.Build(all, m.sanitizer)
	}
	for _, path := range paths {
		if err == nil {
			err = m.process.Load(path)
		}
	}
	m.loaded[k.Name] = err
	return err
}

func (d *emulated) Name() string { return d.name }
func (d *emulated) Info() device.Info {
	return device.Info{Name: d.name, Kind: "cuda", Description: "emulator"}
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
	k := call.Kernel.For("cuda")
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
	name := unitName(k, k.Defines(dtypes[:last], dtypes[last]))
	return device.CommandFunc(func() error {
		for _, l := range launches {
			var parameters [][]byte
			for _, i := range append(l.Inputs[:len(l.Inputs):len(l.Inputs)], last) {
				parameters = append(parameters, binary.LittleEndian.AppendUint64(nil, d.address(call.Buffers[i].Slice)))
			}
			grid := make([]int, len(l.Global))
			for i := range grid {
				grid[i] = l.Global[i] / l.Local[i]
			}
			if err := d.process.Launch(name, grid, l.Local, append(parameters, l.Args...), d.reverse); err != nil {
				return fmt.Errorf("kernel %s: %w", k.Name, err)
			}
		}
		return nil
	}), nil
}
