package place

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Choice is how Auto chose the main device.
type Choice struct {
	Device     string       `json:"device"`
	Reason     string       `json:"reason"`
	Considered []Considered `json:"considered"`
}

// Considered is a device that Auto could have chosen.
type Considered struct {
	Device string `json:"device"`
	// Step is the estimated time of a step, in nanoseconds.
	Step    time.Duration `json:"step_ns"`
	Missing string        `json:"missing,omitempty"` // why it couldn't be chosen
}

// No device launches a kernel, or returns a result to the host, faster than this.
const (
	fastestLaunch = time.Microsecond
	fastestWait   = 20 * time.Microsecond
)

// offer adds candidates to the targets if any could run a step faster than the
// host. With one target there is nothing to choose.
func (p *Placement) offer() {
	p.Choice = &Choice{}
	host, kernels := 0.0, 0
	for i, runs := range p.running() {
		if n := p.graph.Nodes[i]; runs && computes(n) {
			host += seconds(n, p.Targets[0].Speed)
			kernels += launches(n)
		}
	}
	least := fastestWait + time.Duration(min(kernels, math.MaxInt32))*fastestLaunch
	step := duration(host)
	switch {
	case step <= least:
		p.Choice.Considered = []Considered{{Device: p.Targets[0].Name, Step: step}}
		p.Choice.Reason = fmt.Sprintf("a step takes an estimated %s there; on any other device, launching its %d kernels alone takes %s", About(step), kernels, About(least))
		for i := range p.Targets {
			p.Targets[i].Auto = i == 0
		}
	case p.options.Candidates != nil:
		for _, c := range p.options.Candidates() {
			if c.Missing != "" {
				p.Choice.Considered = append(p.Choice.Considered, Considered{Device: c.Name, Missing: c.Missing})
			} else if _, there := p.target(c.Name); !there {
				p.Targets = append(p.Targets, c)
			}
		}
	}
	if len(p.Targets) == 1 {
		p.Main = 0
		p.Choice.Device = p.Targets[0].Name
		if p.Choice.Reason == "" {
			p.Choice.Considered = slices.Insert(p.Choice.Considered, 0, Considered{Device: p.Targets[0].Name, Step: step})
			p.Choice.Reason = "no other device is available"
		}
	}
}

// choose finds the main device: the one with the lowest estimated step time if all
// that is free is on it. Among equals it is the host, then the first by name.
func (p *Placement) choose(l *layout) {
	p.Main = 0
	if p.Choice.Reason == "" {
		p.compare(l)
	}
	p.Choice.Device = p.Targets[p.Main].Name
}

func (p *Placement) compare(l *layout) {
	order := make([]int, len(p.Targets))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order[1:], func(a, b int) int { return cmp.Compare(p.Targets[a].Name, p.Targets[b].Name) })
	best := 0.0
	var considered []Considered
	for _, space := range order {
		t := p.Targets[space]
		if space != 0 && !t.Auto {
			continue
		}
		c := Considered{Device: t.Name}
		if t.Speed == (device.Speed{}) && space != 0 {
			c.Missing = "its speed is unknown"
			considered = append(considered, c)
			continue
		}
		seconds := l.step(space)
		c.Step = duration(seconds)
		switch kept := l.homes(space); {
		case t.Memory > 0 && kept > t.Memory && space != 0:
			c.Missing = fmt.Sprintf("the states need %s, and it has %s", diag.Bytes(kept), diag.Bytes(t.Memory))
		case space == 0 || seconds < best:
			best, p.Main = seconds, space
		}
		considered = append(considered, c)
	}
	p.Choice.Considered = append(considered, p.Choice.Considered...)
	p.Choice.Reason = "no other device is available"
	if len(p.Choice.Considered) > 1 {
		p.Choice.Reason = fmt.Sprintf("the lowest estimated step time, %s", About(duration(best)))
	}
}

// step estimates the time of a step with all that is free in one space.
func (l *layout) step(main int) (total float64) {
	p := l.placement
	at := func(id int) int {
		switch {
		case !l.free[id]:
			return l.where[id]
		case p.lacking(main, p.graph.Nodes[id]) != (Lack{}):
			return 0
		}
		return main
	}
	inference := true // rather than training
	for _, s := range p.graph.States {
		inference = inference && !isWritten(s)
	}
	carry := func(n *ir.Node, from, to int) {
		total += (p.Targets[from].Speed.Launch + p.Targets[to].Speed.Launch).Seconds()
		if rate := p.perSecond(from, to); rate > 0 {
			total += float64(n.Type.Bytes()) / rate
		}
	}
	var crossed []bool
	for i, n := range p.graph.Nodes {
		if n.Op == ir.ConstOp {
			continue
		}
		from := at(i)
		if n.State != nil && inference && from != 0 {
			carry(n, 0, from) // it is set, perhaps for a single inference
		}
		if !l.running[i] {
			continue
		}
		if computes(n) {
			total += seconds(n, p.Targets[from].Speed)
		}
		crossed = append(crossed[:0], make([]bool, len(p.Targets))...)
		for _, u := range l.users[i] {
			if to := at(int(u)); to != from && !crossed[to] && l.recurs(i, int(u)) {
				crossed[to] = true
				carry(n, from, to)
			}
		}
	}
	return total
}

// homes is the size of the states in a space if that is the main device.
func (l *layout) homes(main int) (bytes int64) {
	for _, s := range l.placement.graph.States {
		if l.free[s.Read.ID] || l.where[s.Read.ID] == main {
			bytes = Sum(bytes, Align(int64(s.Type.Bytes()), Alignment))
		}
	}
	return bytes
}

// duration converts seconds, to a year at most.
func duration(seconds float64) time.Duration {
	const most = 365 * 24 * 3600
	return time.Duration(min(seconds, most) * float64(time.Second))
}

// About writes a duration with two digits.
func About(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 100 {
		unit *= 10
	}
	return d.Round(unit).String()
}
