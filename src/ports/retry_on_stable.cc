#include "ports/retry_on_stable.h"

#include <algorithm>
#include <charconv>

namespace serin {

namespace {

constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz0123456789-";
constexpr std::string_view method_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";

class Reader {
public:
    Reader(const json::Object& annotations, std::vector<AnnotationProblem>& problems)
        : annotations_(annotations), problems_(problems) {}

    std::optional<std::string_view> text(std::string_view annotation) const {
        return json::text(annotations_.if_contains(annotation));
    }
    void refuse(std::string_view annotation, std::string message, std::string suggestion) {
        problems_.push_back({std::string(annotation), std::move(message), std::move(suggestion)});
    }

    void read_budget(RetryOnStable& into);
    void read_methods(RetryOnStable& into);

private:
    const json::Object& annotations_;
    std::vector<AnnotationProblem>& problems_;
};

void Reader::read_budget(RetryOnStable& into) {
    const auto written = text(RetryOnStable::budget_annotation);
    if (!written) return;
    std::string_view number = *written;
    const bool has_sign = number.ends_with('%');
    if (has_sign) number.remove_suffix(1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), into.budget_percent);
    const bool is_number = error == std::errc() && end == number.data() + number.size();
    if (has_sign && is_number && into.budget_percent >= 1 && into.budget_percent <= 100) return;
    refuse(
        RetryOnStable::budget_annotation,
        "must be a share of the requests, 1% to 100%",
        "write \"20%\"");
}

void Reader::read_methods(RetryOnStable& into) {
    const auto written = text(RetryOnStable::methods_annotation);
    if (!written) return;
    into.methods.clear();
    std::string_view rest = *written;
    while (true) {
        const std::size_t comma = rest.find(',');
        std::string_view method = rest.substr(0, comma);
        while (method.starts_with(' ')) method.remove_prefix(1);
        while (method.ends_with(' ')) method.remove_suffix(1);
        const bool is_method = !method.empty() && method.size() <= 32 &&
                               method.find_first_not_of(method_characters) == method.npos;
        if (!is_method || into.methods.size() >= 16) {
            return refuse(
                RetryOnStable::methods_annotation,
                "must be a list of at most 16 methods in capital letters",
                "write \"GET, HEAD, PUT\"");
        }
        if (std::ranges::find(into.methods, method) == into.methods.end()) {
            into.methods.emplace_back(method);
        }
        if (comma == std::string_view::npos) return;
        rest.remove_prefix(comma + 1);
    }
}

}  // namespace

std::optional<RetryOnStable> read_retry_on_stable(
    const json::Object* annotations, std::vector<AnnotationProblem>& problems) {
    if (annotations == nullptr) return std::nullopt;
    const std::size_t before = problems.size();
    Reader reader(*annotations, problems);
    const auto service = reader.text(RetryOnStable::annotation);
    RetryOnStable wanted;
    reader.read_budget(wanted);
    reader.read_methods(wanted);
    if (!service) {
        for (const auto& other :
             {RetryOnStable::budget_annotation, RetryOnStable::methods_annotation}) {
            if (!reader.text(other)) continue;
            reader.refuse(
                other,
                "has no effect: nothing is retried on stable",
                "name the stable Service in " + std::string(RetryOnStable::annotation));
        }
        return std::nullopt;
    }
    wanted.service = *service;
    const bool is_name = !service->empty() && service->size() <= 63 &&
                         service->find_first_not_of(name_characters) == service->npos;
    if (!is_name) {
        reader.refuse(
            RetryOnStable::annotation, "must be the name of a Service", "name the stable Service");
    }
    return problems.size() == before ? std::optional(std::move(wanted)) : std::nullopt;
}

}  // namespace serin
