#include "gateway/copies.h"

#include "gateway/text.h"

#include <algorithm>
#include <charconv>

namespace serin::gateway {

namespace {

// Parts as "5:hello,": rule, method, target, body, then names and values of headers. An empty name
// ends it.
constexpr std::string_view script_text = R"(local sending_max = 32
local sending = 0

local function part(text)
    text = text or ""
    return #text .. ":" .. text .. ","
end

local function written(txn)
    local parts = {part(txn:get_var("txn.rule")), part(txn.sf:method()), part(txn.sf:pathq()),
        part(txn.sf:req_body())}
    for name, values in pairs(txn.http:req_get_headers()) do
        for i = 0, #values do
            parts[#parts + 1] = part(name)
            parts[#parts + 1] = part(values[i])
        end
    end
    parts[#parts + 1] = part("x-forwarded-for")
    parts[#parts + 1] = part(txn.sf:src())
    parts[#parts + 1] = part("")
    return table.concat(parts)
end

core.register_action("serin_copy", {"http-req"}, function(txn)
    if sending >= sending_max then return end
    local text = written(txn)
    sending = sending + 1
    core.register_task(function()
        pcall(function()
            local socket = core.tcp()
            socket:settimeout(2)
            if socket:connect(address) then socket:send(text) end
            socket:close()
        end)
        sending = sending - 1
    end)
end, 0)
)";

// Takes one part off the front; false: there is no whole one.
bool take_part(std::string_view& text, std::string& into) {
    std::size_t size = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (problem != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.size() < 2 || size > text.size() - 2) return false;
    if (text.front() != ':' || text[size + 1] != ',') return false;
    into = text.substr(1, size);
    text.remove_prefix(size + 2);
    return true;
}

}  // namespace

bool has_copies(const RoutingTable& table) {
    return std::ranges::any_of(
        table.rules, [](const auto& item) { return item.second.sampling.has_value(); });
}

std::string copies_socket(const std::string& state_dir) {
    return state_dir + "/copies.sock";
}

std::string copies_script(const std::string& dir) {
    const std::string state_dir = dir.substr(0, dir.rfind('/'));
    return "local address = \"unix@" + copies_socket(state_dir) + "\"\n" + std::string(script_text);
}

std::string copies_table() {
    return "backend serin.copies\n"
           "    stick-table type string len 300 size 10k expire 60s store gpc0,gpc0_rate(1s)\n";
}

std::vector<std::string> copies_lines(const TableRule& rule) {
    const std::string is_rule = "{ var(txn.rule) -m str " + quote(rule.id) + " }";
    std::string is_meant = is_rule + " { method";
    for (const std::string& method : rule.sampling->methods) is_meant += " " + method;
    is_meant += " }";
    const std::string is_small =
        " !{ req.hdr_val(content-length) gt 8192 } !{ req.hdr(transfer-encoding) -m found }"
        " !{ req.hdr(upgrade) -m found }";
    const std::string is_few = " { sc2_gpc0_rate lt " + std::to_string(rule.sampling->rate) + " }";
    const std::string is_copied = is_rule + " { var(txn.copied) -m found }";
    return {
        "    http-request track-sc2 str(" + rule.id + ") table serin.copies if " + is_meant,
        "    http-request set-var(txn.copied) bool(true) if " + is_meant + is_small + is_few,
        "    http-request sc-inc-gpc0(2) if " + is_copied,
        "    http-request wait-for-body time 1s if " + is_copied +
            " { req.hdr_val(content-length) gt 0 }",
        "    http-request lua.serin_copy if " + is_copied};
}

std::optional<WrittenCopy> read_copy(std::string_view text) {
    WrittenCopy copy;
    RequestCopy& request = copy.request;
    for (std::string* into : {&copy.rule, &request.method, &request.target, &request.body})
        if (!take_part(text, *into)) return std::nullopt;
    while (true) {
        std::string name;
        if (!take_part(text, name)) return std::nullopt;
        if (name.empty()) return copy;
        std::string value;
        if (!take_part(text, value)) return std::nullopt;
        request.headers.emplace_back(std::move(name), std::move(value));
    }
}

}  // namespace serin::gateway
