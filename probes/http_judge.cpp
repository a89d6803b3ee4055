#include "probes/http_judge.hpp"

#include <algorithm>
#include <cstring>

#include "core/text.hpp"

namespace hotswapd {

HttpRule::HttpRule(const MonitorSpec& monitor)
    : ranges_(monitor.status),
      accept_redirects_(monitor.redirects == Redirects::accept),
      follow_(monitor.redirects == Redirects::follow),
      status_given_(!monitor.status.empty()),
      expected_(monitor.expected) {
  if (ranges_.empty() && !monitor.path.empty()) ranges_.push_back(StatusRange{200, 299});
  fallback_.resize(expected_.size());
  std::uint32_t length = 0;
  for (std::size_t i = 1; i < expected_.size();) {
    if (expected_[i] == expected_[length]) {
      fallback_[i++] = ++length;
    } else if (length != 0) {
      length = fallback_[length - 1];
    } else {
      fallback_[i++] = 0;
    }
  }
}

bool HttpRule::good_status(int status) const noexcept {
  if (ranges_.empty()) return true;
  const auto wants = [this](int first, int last) {
    return std::any_of(ranges_.begin(), ranges_.end(), [=](const StatusRange& range) {
      return range.first <= last && first <= range.last;
    });
  };
  if (wants(status, status)) return true;
  // Counts as a 2xx: good where any of them is.
  return accept_redirects_ && status >= 300 && status <= 399 && wants(200, 299);
}

bool HttpRule::follows(int status) const noexcept {
  if (!follow_ || (status_given_ && good_status(status))) return false;
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string HttpRule::wanted() const {
  std::string text;
  for (const auto& range : ranges_) {
    if (!text.empty()) text += " or ";
    if (range.first % 100 == 0 && range.last == range.first + 99) {
      text += std::to_string(range.first / 100) + "xx";
    } else if (range.first == range.last) {
      text += std::to_string(range.first);
    } else {
      text += std::to_string(range.first) + "-" + std::to_string(range.last);
    }
    if (text.size() > 60) return text + " ...";
  }
  return text;
}

std::size_t HttpRule::advance(std::size_t matched, char c) const noexcept {
  while (matched != 0 && expected_[matched] != c) matched = fallback_[matched - 1];
  return expected_[matched] == c ? matched + 1 : 0;
}

std::optional<Finding> HttpJudge::feed(std::string_view bytes) {
  using Step = HttpResponseReader::Step;
  wire_bytes_ += bytes.size();
  for (;;) {
    switch (reader_.step(bytes)) {
      case Step::more:
        if (wire_bytes_ > max_wire)
          return fail(FailureClass::protocol, "chunks too small for their overhead");
        return std::nullopt;
      case Step::status:
        if (rule_.follows(reader_.status())) break;
        if (!rule_.good_status(reader_.status())) return bad_status();
        break;
      case Step::head:
        if (rule_.follows(reader_.status())) return on_redirect();
        if (rule_.expected().empty()) return pass(http());
        break;
      case Step::body:
        if (find(reader_.body())) return pass(http());
        if (body_bytes_ >= max_body) return missing_text("the first 256 KiB of the body");
        break;
      case Step::end:
        return missing_text("the body");
      case Step::broken:
        return fail(FailureClass::protocol, reader_.fault());
    }
  }
}

Finding HttpJudge::closed() {
  if (reader_.closed() == HttpResponseReader::Step::end) return missing_text("the body");
  return fail(FailureClass::protocol, reader_.fault());
}

bool HttpJudge::find(std::string_view piece) noexcept {
  piece = piece.substr(0, max_body - body_bytes_);
  body_bytes_ += piece.size();
  const std::string& text = rule_.expected();
  while (!piece.empty()) {
    if (matched_ == 0) {
      const auto* const start = std::memchr(piece.data(), text.front(), piece.size());
      if (start == nullptr) return false;
      piece.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(start) - piece.data()));
    }
    matched_ = rule_.advance(matched_, piece.front());
    piece.remove_prefix(1);
    if (matched_ == text.size()) return true;
  }
  return false;
}

Finding HttpJudge::on_redirect() {
  if (!reader_.location()) return fail(FailureClass::protocol, http() + " without a Location");
  redirected_ = true;
  return fail(FailureClass::content, http() + " to " + clean(*reader_.location(), 160));
}

Finding HttpJudge::bad_status() const {
  return fail(FailureClass::content, http() + ", wanted " + rule_.wanted());
}

Finding HttpJudge::missing_text(const char* where) const {
  return fail(FailureClass::content,
              http() + " without the text \"" + clean(rule_.expected(), 80) + "\" in " + where);
}

}  // namespace hotswapd
