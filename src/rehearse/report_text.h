#pragma once

#include "rehearse/rehearse.h"

#include <string>

namespace serin::rehearse {

// A report for people: plain text, 100 columns at most where names are short.
std::string render_text(const Report& report);

// The same as a JSON document.
json::Object to_json(const Report& report);

// The same as one HTML page that needs nothing else, with a plot of the typical run.
std::string render_html(const Report& report);

// The words that the text and the page share.
std::string percent_text(double share);                  // "95 %", "0.1 %".
std::string seconds_text(double seconds);                // "1m30s".
std::string probability_text(const Probability& value);  // "93.4 % (91.7 to 94.8 %)".
std::string assumptions_text(const Settings& settings);
std::string cost_text(const Report& report);

}  // namespace serin::rehearse
