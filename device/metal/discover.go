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

// properties are what Metal reports of a GPU.
type properties struct {
	device.Info
	family int // of Apple's own GPUs: 7 is the M1's; 0 for other makers'

	id uint64 // the registryID
}

// alignment is that of the slices that kernels take: two cache lines of Apple's GPUs.
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

const noDevice = "Metal has no device here; a virtual machine may not provide one"

// devices gives all devices, which are owned, the default one first.
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

// describe tells what a device says of itself.
func (l *library) describe(index int, o object) properties {
	info := properties{id: uint64(l.send(o, registryID))}
	info.Name, info.Kind, info.Language = fmt.Sprintf("metal:%d", index), "metal", "metal"
	info.Auto, info.Alignment = true, alignment
	info.Async, info.Compiles, info.Lacks = true, true, []string{"f64"}
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

// definition tells kernels whether there is simdgroup_matrix.
func (p *properties) definition() string {
	if p.family >= familyApple7-familyApple1+1 {
		return "SIMDGROUP_MATRIX=1"
	}
	return "SIMDGROUP_MATRIX=0"
}

// speed guesses at a GPU's speed. Metal tells neither how many cores a GPU has nor
// its clock, but Apple's names say what size it is: these are figures that Apple
// gives of the M1 in each size, of which kernels reach a third of the operations
// and seven tenths of the bytes, as on other GPUs; later ones are faster. A launch
// is guessed at from what is told of Apple's GPUs, and copies from what a processor
// copies. For what has another name there are no figures.
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

// faulty is the library with faults, and counts of objects, of its own.
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
	objects[index] = 0 // the device's from here on
	return l.begin(l.describe(index, id), id, o)
}
