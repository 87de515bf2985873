#include "gateway/observe.h"

namespace serin::gateway {
namespace {

// The first cut bounds the work, the second the record.
constexpr std::string_view kept_part = ",bytes(0,64),json(utf8s),bytes(0,64)";

// "name=value", parted by a unit separator, which escaping keeps out of values.
std::string values_of(const std::vector<std::string>& names, const std::string& fetch) {
    std::string text;
    for (const std::string& name : names) {
        if (!text.empty()) text += "\\x1f";
        text += name;
        text += "=%[" + fetch + "(" + name + ")";
        text += kept_part;
        text += "]";
    }
    return "\"" + text + "\"";
}

}  // namespace

std::vector<std::string> observe_lines(
    const Observed& observed, const std::string& condition, const std::string& user_key) {
    std::vector<std::string> lines;
    if (observed.user_in != Observed::UserIn::nowhere) {
        const std::string fetch =
            observed.user_in == Observed::UserIn::header ? "req.fhdr(" : "req.cook(";
        lines.push_back(
            "    http-request set-var(txn.user) " + fetch + observed.user + "),hmac(sha256," +
            user_key + "),bytes(0,8),hex" + condition);
    }
    if (!observed.request_headers.empty()) {
        lines.push_back(
            "    http-request set-var-fmt(txn.asked) " +
            values_of(observed.request_headers, "req.fhdr") + condition);
    }
    if (!observed.response_headers.empty()) {
        lines.push_back(
            "    http-response set-var-fmt(txn.answered) " +
            values_of(observed.response_headers, "res.fhdr") + condition);
    }
    return lines;
}

}  // namespace serin::gateway
