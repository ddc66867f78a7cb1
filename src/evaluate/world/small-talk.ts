/** What people say that asks for no fact, and replies to it. Knows no facts; never used to measure utility. */

export const smallTalk: readonly { said: string; replies: readonly string[] }[] = [
  { said: "Hello!", replies: ["Hello! How can I help you?", "Hi! What would you like to know?"] },
  { said: "Hi there.", replies: ["Hi! How can I help you?", "Hello! What would you like to know?"] },
  { said: "Good morning.", replies: ["Good morning! How can I help you?"] },
  { said: "Thank you!", replies: ["With pleasure!", "You are welcome!"] },
  { said: "Thanks.", replies: ["You are welcome!", "With pleasure!"] },
  { said: "Goodbye.", replies: ["Goodbye! Have a lovely day!"] },
  {
    said: "Who are you?",
    replies: ["I am a small assistant. Ask me about the town, animals, countries, dishes or sums."],
  },
  {
    said: "What can you do?",
    replies: ["I can tell you about the town, animals, countries, dishes and sums."],
  },
  { said: "What is the meaning of life?", replies: ["I do not know.", "That is more than I know."] },
  { said: "Tell me a secret.", replies: ["I do not know any secrets."] },
];

/** System messages of the corpus's chats. They ask for nothing that changes the answer's manner. */
export const systemMessages: readonly string[] = [
  "You are a helpful assistant.",
  "You are the assistant of a small town.",
  "You answer questions.",
];
