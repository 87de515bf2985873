#pragma once

#include <string>
#include <vector>

namespace serin {

// Puts "*****" wherever one of its secrets stands in a text: as it is, as URLs and JSON write it,
// and as far as an excerpt shows it that ends within it ("...").
class Redaction {
public:
    explicit Redaction(const std::vector<std::string>& secrets);

    bool is_empty() const { return forms_.empty(); }
    std::string hide(std::string text) const;

private:
    std::vector<std::string> forms_;  // The longest first: a secret may be a part of another one.
};

}  // namespace serin
