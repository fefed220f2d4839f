// Package check finds out what every name in a definition means, and the order in which
// the nodes of a body can be built. It reports names that are undefined, ambiguous or
// unused, cycles, and calls whose arguments don't fit. It looks at every expression,
// those of branches that aren't taken too.
package check
