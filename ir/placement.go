package ir

import "github.com/flowrun/flowrun/diag"

// Placement says which devices a program's nodes and states are on.
type Placement struct {
	Default string // "auto" or a device
	Rules   []PlacementRule
}

// PlacementRule pins the nodes and states whose path matches a pattern ("*" matches any
// text), or is inside of a path that does, to a device, or prefers it.
type PlacementRule struct {
	Match          string
	Device, Prefer string     // one of them
	Origin         diag.Range // unknown if it isn't from a spec
}
