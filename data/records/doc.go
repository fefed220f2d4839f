// Package records is what kinds of text files share in which one record after the other
// is an example: how numbers and classes become elements, what missing values become,
// which rows are dropped, and the table that results.
package records
