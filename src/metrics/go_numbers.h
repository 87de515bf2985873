#pragma once

#include <string>

// Numbers as Argo Rollouts writes them into a measurement's value, in the ways of Go.

namespace serin::metrics {

// strconv.FormatFloat(number, 'f', -1, 64): as many digits as tell it apart, never an exponent.
std::string plain_number(double number);

// fmt's %v: the same, with an exponent below 1e-4 and from 1e21 on.
std::string short_number(double number);

}  // namespace serin::metrics
