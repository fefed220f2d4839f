package engine

import (
	"time"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Traffic counts copies in one direction.
type Traffic struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

// Stats counts what a session has done since it began.
type Stats struct {
	KernelsRun     int64
	HostToDevice   Traffic
	DeviceToHost   Traffic
	DeviceToDevice Traffic
	Aliased        int64 // copies that moved nothing, since the devices share memory
	PeakBytes      int64 // of device memory held at one time, over all devices

	// DataWait is how long steps have waited for data of files to be read. A session of
	// this package leaves it 0.
	DataWait time.Duration
}

// add adds the given counts times times.
func (s *Stats) add(d Stats, times int64) {
	s.KernelsRun += times * d.KernelsRun
	s.Aliased += times * d.Aliased
	for _, t := range [][2]*Traffic{
		{&s.HostToDevice, &d.HostToDevice}, {&s.DeviceToHost, &d.DeviceToHost}, {&s.DeviceToDevice, &d.DeviceToDevice}} {
		t[0].Count += times * t[1].Count
		t[0].Bytes += times * t[1].Bytes
	}
}

// minus is the difference to earlier counts.
func (s Stats) minus(before Stats) Stats {
	s.add(before, -1)
	return s
}

// ran counts one run of a node.
func (s *Stats) ran(plan *lower.Plan, n int32) {
	node := plan.Graph.Nodes[n]
	switch {
	case plan.Values[n].Kernel != nil || plan.Values[n].Body != nil:
		s.KernelsRun += plan.Launches(int(n))
	case plan.Values[n].Alias:
		s.Aliased++
	case node.Op == ir.CopyOp:
		s.copied(node.Inputs[0].Space, node.Space, node.Type.Bytes())
	case node.Op == ir.ConstOp:
		s.copied(0, node.Space, node.Type.Bytes())
	}
}

// copied counts a copy from one space to another; copies within a space don't count.
func (s *Stats) copied(from, to, bytes int) {
	var t *Traffic
	switch {
	case from == to:
		return
	case from == 0:
		t = &s.HostToDevice
	case to == 0:
		t = &s.DeviceToHost
	default:
		t = &s.DeviceToDevice
	}
	t.Count++
	t.Bytes += int64(bytes)
}
