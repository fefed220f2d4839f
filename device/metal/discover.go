package metal

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// properties are what Metal reports about a GPU.
type properties struct {
	device.Info
	family int // of Apple's GPUs: 7 is the M1; 0 for other vendors

	id uint64 // the registryID
}

// alignment of the slices that kernels take: two cache lines of Apple's GPUs.
const alignment = 256

// Discover lists the machine's GPUs, the system's default device first, or says why
// there is none.
func Discover() (devices []device.Info, missing string) {
	l, err := load()
	if err != nil {
		return nil, err.Error()
	}
	return l.discover()
}

func (l *library) discover() (devices []device.Info, missing string) {
	pool := l.push()
	defer l.pop(&pool)
	objects := l.devices()
	for i := range objects {
		devices = append(devices, l.describe(i, objects[i]).Info)
		l.give(objectAtIndex, &objects[i])
	}
	if len(devices) == 0 {
		return nil, noDevice
	}
	return devices, ""
}

const noDevice = "no Metal device found; a virtual machine may not provide one"

// devices returns all devices, as owned objects, the default one first.
func (l *library) devices() []object {
	list := object(dynlib.Call(l.address[mtlCopyAllDevices]))
	if list == 0 {
		return nil
	}
	defer l.send(list, release)
	all := make([]object, 0, 4)
	for i := range l.send(list, count) {
		o := object(l.send(list, objectAtIndex, i))
		l.send(o, retain)
		l.live[objectAtIndex].Add(1)
		all = append(all, o)
	}
	first := object(dynlib.Call(l.address[mtlCreateSystemDefaultDevice]))
	if first == 0 {
		return all
	}
	defer l.send(first, release)
	id := l.send(first, registryID)
	for i, o := range all {
		if l.send(o, registryID) == id {
			copy(all[1:i+1], all[:i])
			all[0] = o
			break
		}
	}
	return all
}

// describe queries a device's properties.
func (l *library) describe(index int, o object) properties {
	info := properties{id: uint64(l.send(o, registryID))}
	info.Name, info.Kind, info.Language = fmt.Sprintf("metal:%d", index), "metal", "metal"
	info.Auto, info.Alignment = true, alignment
	info.Async, info.Fuses, info.Lacks = true, true, []string{"f64"}
	info.Unified = l.yes(o, hasUnifiedMemory)
	info.Memory = l.number(o, recommendedMaxWorkingSetSize)
	for family := familyAppleLast; family >= familyApple1 && info.family == 0; family-- {
		if l.yes(o, supportsFamily, uintptr(family)) {
			info.family = family - familyApple1 + 1
		}
	}
	title := l.text(object(l.send(o, name)))
	info.Speed = speed(title, info.Unified)
	kind := "not one of Apple's own"
	if info.family > 0 {
		kind = fmt.Sprintf("family %d of Apple's GPUs", info.family)
	}
	memory := "memory shared with the host"
	if !info.Unified {
		memory = "memory of its own, but kernels read and write the host's"
	}
	info.Description = fmt.Sprintf("%s, %s, %s", title, kind, memory)
	return info
}

// definition tells kernels whether simdgroup_matrix is available.
func (p *properties) definition() string {
	if p.family >= familyApple7-familyApple1+1 {
		return "SIMDGROUP_MATRIX=1"
	}
	return "SIMDGROUP_MATRIX=0"
}

// speed guesses a GPU's speed. Metal reports neither cores nor clock, but Apple's names
// contain the size: the figures are Apple's for the M1 of that size; kernels are assumed
// to reach a third of the operations and 70 % of the bandwidth, as on other GPUs; later
// GPUs are faster. The launch time is a guess from reports about Apple's GPUs, the copy
// speed is that of a CPU. For other names the speed is unknown.
func speed(title string, unified bool) device.Speed {
	const reachedFlops, reachedBytes = 0.33, 0.7
	if !strings.HasPrefix(title, "Apple M") || !unified {
		return device.Speed{}
	}
	s := device.Speed{Flops: 2.6e12, Bytes: 68e9, Launch: 4 * time.Microsecond, Link: 20e9}
	for _, size := range []struct {
		name         string
		flops, bytes float64
	}{{" Pro", 5.2e12, 200e9}, {" Max", 10.4e12, 400e9}, {" Ultra", 20.8e12, 800e9}} {
		if strings.HasSuffix(title, size.name) {
			s.Flops, s.Bytes = size.flops, size.bytes
		}
	}
	s.Flops, s.Bytes = s.Flops*reachedFlops, s.Bytes*reachedBytes
	return s
}

// Open opens a GPU by its number in Discover's list.
func Open(index int, o device.Options) (*Device, error) {
	l, err := load()
	if err != nil {
		return nil, fmt.Errorf("there is no device metal:%d: %w", index, err)
	}
	if o.Fault != nil {
		l = l.faulty(func(m message) bool { return o.Fault(m.String()) != 0 })
	}
	return l.start(index, o)
}

// faulty returns a copy of the library with its own faults and object counts.
func (l *library) faulty(fault func(message) bool) *library {
	return &library{address: l.address, classes: l.classes, selectors: l.selectors, sendForSize: l.sendForSize,
		live: make([]atomic.Int64, len(selectors)), fault: fault}
}

func (l *library) start(index int, o device.Options) (*Device, error) {
	pool := l.push()
	defer l.pop(&pool)
	objects := l.devices()
	defer func() {
		for i := range objects {
			l.give(objectAtIndex, &objects[i])
		}
	}()
	none := func(err error) error { return fmt.Errorf("there is no device metal:%d: %w", index, err) }
	switch {
	case len(objects) == 0:
		return nil, none(errors.New(noDevice))
	case index < 0 || index >= len(objects):
		return nil, none(fmt.Errorf("the last is metal:%d", len(objects)-1))
	}
	id := objects[index]
	objects[index] = 0 // now owned by the device
	return l.begin(l.describe(index, id), id, o)
}
