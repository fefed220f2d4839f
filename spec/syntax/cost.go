package syntax

import "github.com/flowrun/flowrun/diag"

// What some work costs: binding a name, keeping an element of a list, looking at
// one, reading a character that may be a number's.
const (
	BindCost    = 120
	ElementCost = 30 + 16*diag.KeptByte
	LookCost    = 5
	numberCost  = 40
)
