#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::server {

// Numbers about the running program in Prometheus' text format.
class Exposition {
public:
    enum class Kind { counter, gauge };
    using Labels = std::vector<std::pair<std::string_view, std::string>>;

    // Adds one sample; samples of one name form a family, whose kind and help the first one sets.
    void add(
        std::string_view name,
        Kind kind,
        std::string_view help,
        double value,
        const Labels& labels = {});

    std::string text() const;

private:
    struct Family {
        Kind kind = Kind::gauge;
        std::string help;
        std::vector<std::string> samples;
    };
    std::map<std::string, Family, std::less<>> families_;
};

// Memory, processor time and open files of this process.
void add_process_metrics(Exposition& out);

}  // namespace serin::server
