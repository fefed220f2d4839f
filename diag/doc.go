// Package diag owns what a user is told about a text: positions, lint rules,
// diagnostics, their order and their rendering.
//
//   - Every diagnostic has a rule, a stable name from the one table in rules.go,
//     and a range where a place is known.
//   - A [List] is complete (all problems of a run), free of duplicates and, once
//     sorted, in the order of the text.
//   - Rendering is bounded: a line of any length and any bytes prints as one
//     short, harmless line.
package diag
